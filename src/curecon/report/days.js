"use strict";
// Draws the spend of each day as stacked bars. The table behind each chart has the same numbers,
// and stays when there is no script; the texts shown come from the page, written exactly.
for (const place of document.querySelectorAll("[data-days]")) {
  const { days, labels, values, shown, marks } = JSON.parse(
    document.getElementById(place.dataset.days).textContent,
  );
  const readout = place.parentElement.querySelector(".readout");
  const DAY = 86400;
  const times = days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
  const numbers = values.map((cells) => cells.map(Number));
  // Parts below zero cannot be stacked: then a bar is the whole of the day.
  const parts = numbers.some((cells) => cells.some((cell) => cell < 0))
    ? [days.map((_, at) => numbers.reduce((sum, cells) => sum + cells[at], 0))]
    : numbers;
  const tops = parts.map((_, last) =>
    days.map((_, at) => parts.slice(0, last + 1).reduce((sum, cells) => sum + cells[at], 0)),
  );
  const month = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
  const shade = (name) => getComputedStyle(place).getPropertyValue(`--${name}`).trim();
  let chart = null;
  let at = null;

  function say(index) {
    at = index;
    if (index === null || index === undefined) return;
    const [total, ...cells] = shown[index];
    const told = labels
      .map((label, series) => [label, cells[series]])
      .filter(([, dollars]) => dollars !== "0.00");
    const said = [`${days[index]}: ${total}`];
    if (told.length > 1) said.push(told.map(([label, dollars]) => `${label} ${dollars}`).join(", "));
    else if (told.length) said.push(told[0][0]);
    readout.textContent = [...said, ...(marks[days[index]] ?? [])].join(" · ");
  }

  // A day on which something stands out has a dashed line, and its text in readout and table.
  function mark(drawn) {
    const context = drawn.ctx;
    context.save();
    context.strokeStyle = context.fillStyle = shade("warning");
    context.lineWidth = 2 * uPlot.pxRatio;
    for (const day of Object.keys(marks)) {
      const index = days.indexOf(day);
      if (index < 0) continue;
      const x = drawn.valToPos(times[index], "x", true);
      const { top } = drawn.bbox;
      const foot = drawn.valToPos(Math.max(0, tops[tops.length - 1][index]), "y", true);
      context.setLineDash([4 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, foot);
      context.stroke();
      const size = 5 * uPlot.pxRatio;
      context.beginPath();
      context.moveTo(x - size, top - size);
      context.lineTo(x + size, top - size);
      context.lineTo(x, top + size);
      context.fill();
    }
    context.restore();
  }

  function series(last) {
    const color = parts.length === labels.length ? shade(`s${last + 1}`) : shade("total");
    const paths = uPlot.paths.bars({ size: [0.75, 36] });
    return { fill: color, stroke: color, width: 0, paths, points: { show: false } };
  }

  function draw(width) {
    chart?.destroy();
    const line = { stroke: shade("line"), width: 1 };
    const axis = { stroke: shade("soft"), font: "12px system-ui, sans-serif", ticks: line };
    // What is drawn later lies on top, so the whole comes first and the dearest model last.
    const order = [...tops.keys()].reverse();
    const options = {
      width,
      height: 260,
      padding: [14, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "Etc/UTC"),
      scales: {
        x: { range: () => [times[0] - DAY / 2, times[times.length - 1] + DAY / 2] },
        y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.05 : 0.01] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          incrs: [1, 2, 3, 7, 14, 28].map((count) => count * DAY),
          values: (_, splits) => splits.map((time) => month.format(new Date(time * 1000))),
        },
        { ...axis, grid: line, size: 62, values: (_, splits) => splits.map((n) => short.format(n)) },
      ],
      series: [{}, ...order.map(series)],
      hooks: { draw: [mark], setCursor: [(drawn) => say(drawn.cursor.idx)] },
    };
    chart = new uPlot(options, [times, ...order.map((last) => tops[last])], place);
  }

  place.addEventListener("keydown", (event) => {
    const last = days.length - 1;
    const here = at ?? -1;
    const next = {
      ArrowRight: Math.min(last, here + 1),
      ArrowLeft: Math.max(0, here < 0 ? last : here - 1),
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    chart.setCursor({ left: chart.valToPos(times[next], "x"), top: 0 });
    say(next);
  });

  const again = () => draw(place.clientWidth);
  place.hidden = false;
  again();
  new ResizeObserver(() => {
    if (place.clientWidth && place.clientWidth !== chart.width) {
      chart.setSize({ width: place.clientWidth, height: 260 });
    }
  }).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  // Paper is white, whatever the screen is, and as wide as a page.
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("paper");
    draw(660);
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("paper");
    again();
  });
}
