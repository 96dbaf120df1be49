"use strict";
// Every other table sorts by the places of its rows, which are counted from exact amounts.
for (const table of document.querySelectorAll("table.sortable")) {
  const [body] = table.tBodies;
  const rows = Array.from(body.rows, (row) => ({
    row,
    order: row.dataset.order.split(",").map(Number),
  }));
  const headers = Array.from(table.tHead.rows[0].cells);
  const first = Number(headers[0].dataset.column);
  headers.forEach((header, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => {
      const before = header.getAttribute("aria-sort");
      const begins = header.dataset.first;
      const turned = begins === "ascending" ? "descending" : "ascending";
      const now = before === begins ? turned : begins;
      for (const one of headers) one.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", now);
      const sign = now === "ascending" ? 1 : -1;
      const column = first + place;
      rows.sort((a, b) => sign * (a.order[column] - b.order[column]));
      body.append(...rows.map((one) => one.row));
    });
    header.append(button);
  });
}

(() => {
  const table = document.getElementById("findings-table");
  if (!table) return;
  const AT_ONCE = 500;
  const controls = document.getElementById("controls");
  const query = document.getElementById("query");
  const severity = document.getElementById("severity");
  const status = document.getElementById("status");
  const more = document.getElementById("more");
  const blank = document.getElementById("blank").content.firstElementChild;
  const packed = document.getElementById("packed");

  // A minus of typography is found by the one on the keyboard.
  const plain = (text) => text.toLowerCase().replaceAll("\u2212", "-");

  const items = Array.from(table.tBodies, (body) => ({
    order: body.dataset.order.split(",").map(Number),
    severity: body.dataset.severity,
    text: plain(body.textContent),
    body: () => body,
  }));
  let shown = AT_ONCE;
  let column = null;
  let descending = false;

  // Text of a bill enters the page here, and only ever as the text of an element.
  function draw(card) {
    const body = blank.cloneNode(true);
    body.dataset.severity = card.severity;
    for (const element of body.querySelectorAll("[data-field]")) {
      element.textContent = card[element.dataset.field];
    }
    for (const element of body.querySelectorAll("[data-if]")) {
      if (!card[element.dataset.if]) element.remove();
    }
    return body;
  }

  function item(values, order, names) {
    const card = Object.fromEntries(names.map((name, place) => [name, values[place]]));
    let body = null;
    return {
      order: order.split(",").map(Number),
      severity: card.severity,
      text: plain(values.join(" ")),
      body: () => (body ??= draw(card)),
    };
  }

  function refresh() {
    const wanted = plain(query.value).split(/\s+/).filter(Boolean);
    const found = items.filter(
      (one) =>
        (!severity.value || one.severity === severity.value) &&
        wanted.every((word) => one.text.includes(word)),
    );
    if (column !== null) {
      const sign = descending ? -1 : 1;
      found.sort((a, b) => sign * (a.order[column] - b.order[column]));
    }
    const visible = found.slice(0, shown).map((one) => one.body());
    for (const body of Array.from(table.tBodies)) body.remove();
    table.append(...visible);
    const count = (number) => number.toLocaleString("en-US");
    status.textContent =
      `${count(found.length)} of ${count(items.length)} findings` +
      (visible.length < found.length ? `, the first ${count(visible.length)} shown` : "");
    more.hidden = visible.length === found.length;
  }

  function sort(header, place) {
    descending = column === place ? !descending : header.dataset.first === "descending";
    column = place;
    for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    refresh();
  }

  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sort(header, Number(header.dataset.column)));
    header.append(button);
  }

  let waiting;
  query.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => ((shown = AT_ONCE), refresh()), 120);
  });
  severity.addEventListener("change", () => ((shown = AT_ONCE), refresh()));
  more.addEventListener("click", () => ((shown += AT_ONCE), refresh()));
  controls.hidden = false;

  async function unpack() {
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const { names, cards, orders } = JSON.parse(await new Response(stream).text());
    cards.forEach((values, place) => items.push(item(values, orders[place], names)));
    document.getElementById("beyond").remove();
  }

  if (packed) unpack().then(refresh, () => refresh());
  else refresh();
})();
