"use strict";
// Every other table sorts by the places of its rows, which are counted from exact amounts; a long
// one can be filtered by words.
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
  if (rows.length <= 10) continue;
  const region = table.closest("[aria-labelledby]");
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "Filter";
  const title = document.getElementById(region.getAttribute("aria-labelledby")).textContent;
  field.setAttribute("aria-label", `Filter: ${title.trim()}`);
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { row } of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
    }
  });
  const box = document.createElement("div");
  box.className = "filter";
  box.append(field);
  region.before(box);
}

(() => {
  const table = document.getElementById("findings-table");
  if (!table) return;
  const AT_ONCE = 200;
  const ON_PAPER = 50;
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
  let shown = 0;
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

  let found = items;

  function refresh() {
    const wanted = plain(query.value).split(/\s+/).filter(Boolean);
    found = items.filter(
      (one) =>
        (!severity.value || one.severity === severity.value) &&
        wanted.every((word) => one.text.includes(word)),
    );
    if (column !== null) {
      const sign = descending ? -1 : 1;
      found.sort((a, b) => sign * (a.order[column] - b.order[column]));
    }
    for (const body of Array.from(table.tBodies)) body.remove();
    shown = 0;
    show();
  }

  // Draws the next rows only: thousands at once would make the page slow.
  function show() {
    const next = found.slice(shown, shown + AT_ONCE);
    table.append(...next.map((one) => one.body()));
    shown += next.length;
    const count = (number) => number.toLocaleString("en-US");
    status.textContent =
      `${count(found.length)} of ${count(items.length)} findings` +
      (shown < found.length ? `, the first ${count(shown)} shown` : "");
    more.hidden = shown === found.length;
    return next[0];
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
    waiting = setTimeout(refresh, 120);
  });
  severity.addEventListener("change", refresh);
  // Who asked for more by keyboard goes on at the first of them.
  more.addEventListener("click", () => show()?.body().querySelector("summary").focus());
  controls.hidden = false;

  async function unpack() {
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const { names, cards, orders } = JSON.parse(await new Response(stream).text());
    cards.forEach((values, place) => items.push(item(values, orders[place], names)));
    document.getElementById("beyond").remove();
  }

  // On paper nothing opens, so a few findings are printed with their arithmetic.
  let opened = [];
  addEventListener("beforeprint", () => {
    const closed = Array.from(table.querySelectorAll("details:not([open])"));
    opened = closed.length <= ON_PAPER ? closed : [];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });

  if (packed) unpack().then(refresh, () => refresh());
  else refresh();
})();
