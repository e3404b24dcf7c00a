"use strict";
// The page shows numbers, it computes none: every value is looked up in the walks that lie in the element "data".
const data = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);
const COLORS = 5; // of the palette: those that are far from each other, and from ink and paper
const DASHES = ["", "7 3", "2 3", "8 3 2 3"];
const PAUSE = 700; // milliseconds from one step to the next while it plays
const CLOSEST = 25; // times as large, where one looks closer
const REACH = 0.2; // of the smaller side of the field: the longest arrow that is not true to scale

const state = { rule: 0, run: 0, step: 1, lit: null, timer: null, zoom: false, on: data.rules.map(rule => rule.rows.map(row => Boolean(row.on))) };
const rule = () => data.rules[state.rule];
const run = () => rule().runs[state.run];
const steps = () => run().losses.length - 1;
const value = (row, step = state.step) => run().columns[row][step - 1];
const next = () => rule().rows.findLastIndex(row => !row.layer && row.name === "theta"); // the row of the point that a step makes
const marked = row => rule().rows[row].kind !== undefined;

// ---- numbers as text

function number(x, digits = 6) {
  if (typeof x === "string") return { NaN: "NaN", Infinity: "∞", "-Infinity": "−∞" }[x] ?? x;
  if (typeof x === "boolean") return x ? "True" : "False";
  const size = Math.abs(x);
  let text;
  if (size === 0 || (size >= 1e-4 && size < 1e6)) text = String(Number(x.toPrecision(digits)));
  else text = x.toExponential(Math.min(digits, 5) - 1).replace(/\.?0*e/, "e").replace("e+", "e");
  return text.replace(/-/g, "−");
}

const real = x => typeof x === "number" ? x : Number(x);

function words(x) {
  if (x === null) return "";
  return Array.isArray(x) ? `(${x.map(words).join(", ")})` : number(x, 4);
}

// A value as elements; what differs from the step before is marked, number by number.
function spelled(x, before) {
  if (Array.isArray(x)) {
    const parts = [];
    x.forEach((part, i) => parts.push(...(i ? [", "] : []), ...spelled(part, Array.isArray(before) ? before[i] : before)));
    return ["[", ...parts, "]"];
  }
  if (x !== null && typeof x === "object") return [`${x.shape.join(" × ")}: …, `, ...spelled(x.last, before?.last)];
  const text = number(x);
  if (before === undefined || before === null || before === x) return [text];
  const span = document.createElement("span");
  span.className = "changed";
  span.textContent = text;
  return [span];
}

// ---- the picture

function svg(name, attributes, parent) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, x] of Object.entries(attributes)) node.setAttribute(key, x);
  parent?.append(node);
  return node;
}

const [left, top_, width, height] = data.field.box;
const whole = { low: data.field.bounds.map(side => side[0]), high: data.field.bounds.map(side => side[1]) };
let frame = whole, scale; // the part of the plane that is seen, and units of the picture for one of the plane
const place = point => [left + (real(point[0]) - frame.low[0]) * scale[0], top_ + height + (real(point[1]) - frame.low[1]) * scale[1]];

// Looks at the whole field, or closer: around the current point, so that the step and what else is drawn of it fill a good part.
function look() {
  const sides = [0, 1].map(i => whole.high[i] - whole.low[i]), center = flat(value(0));
  frame = whole;
  if (state.zoom && finite(center)) {
    const points = rule().rows.map((row, i) => row.kind === "point" && state.on[state.rule][i] ? flat(value(i)) : null);
    const seen = [...points, flat(value(next()))].filter(point => point && finite(point));
    const far = Math.max(...seen.flatMap(point => point.map((x, i) => Math.abs(x - center[i]) / sides[i])));
    const times = Math.min(Math.max(0.3 / far, 1), CLOSEST);
    const end = direction => center.map((x, i) => x + direction * sides[i] / 2 / times);
    if (times > 1) frame = { low: end(-1), high: end(1) };
  }
  const times = sides[0] / (frame.high[0] - frame.low[0]);
  scale = [width / sides[0] * times, -height / sides[1] * times];
  const [x, y] = [left + (whole.low[0] - frame.low[0]) * scale[0], top_ + height + (whole.high[1] - frame.low[1]) * scale[1]];
  at("ground").setAttribute("transform", `translate(${x} ${y}) scale(${times}) translate(${-left} ${-top_})`);
}

function ticks(low, high) {
  const rough = (high - low) / 6, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 2.5, 5, 10].find(x => x * power >= rough) * power;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(i * step);
  return found.map(x => [x, number(Number(x.toPrecision(12)), 8)]);
}

function drawAxes() {
  const axes = at("axes"), bottom = top_ + height;
  axes.replaceChildren();
  const note = (text, attributes) => { svg("text", { class: "tick", ...attributes }, axes).textContent = text; };
  for (const [tick, text] of ticks(frame.low[0], frame.high[0])) {
    const [x] = place([tick, frame.low[1]]);
    svg("path", { class: "tick", d: `M${x} ${bottom}v5` }, axes);
    note(text, { x, y: bottom + 8, dy: ".8em", "text-anchor": "middle" });
  }
  for (const [tick, text] of ticks(frame.low[1], frame.high[1])) {
    const [, y] = place([frame.low[0], tick]);
    svg("path", { class: "tick", d: `M${left} ${y}h-5` }, axes);
    note(text, { x: left - 8, y, dy: ".32em", "text-anchor": "end" });
  }
  note("x", { class: "axis", x: left + width, y: bottom - 8, dx: "-.3em", "text-anchor": "end" });
  note("y", { class: "axis", x: left + 8, y: top_, dy: "1em" });
}
const near = ([x, y]) => [Math.min(Math.max(x, -1e4), 1e4), Math.min(Math.max(y, -1e4), 1e4)]; // a drawing has an end
const inside = ([x, y]) => x >= left && x <= left + width && y >= top_ && y <= top_ + height;
const finite = pair => pair.every(Number.isFinite);
const flat = x => x === null ? null : x.flat(2).map(real);

// The color and dash of each row that can be drawn, the same at every step; those that are drawn at first come first.
function styles() {
  const rows = rule().rows, order = rows.map((_, i) => i).filter(marked).sort((a, b) => rows[b].on - rows[a].on || a - b);
  return rows.map((_, i) => {
    const place = order.indexOf(i);
    return { color: `var(--c${place % COLORS})`, dash: DASHES[Math.floor(place / COLORS) % DASHES.length] };
  });
}

// The largest size of a row over the walk, in the picture: what the longest arrow stands for.
function largest(row, measure) {
  let most = 0;
  for (const x of run().columns[row]) {
    const pair = flat(x);
    if (pair && finite(pair)) most = Math.max(most, measure(pair));
  }
  return most;
}

const drawn = ([x, y]) => Math.hypot(x * scale[0], y * scale[1]);

function arrow(group, from, to, unit) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = Math.hypot(dx, dy);
  const head = Math.min(9 * unit, length), [ux, uy] = [dx / length, dy / length];
  const neck = [to[0] - ux * head * 0.8, to[1] - uy * head * 0.8];
  svg("path", { d: `M${from}L${neck}` }, group);
  const [bx, by] = [to[0] - ux * head, to[1] - uy * head];
  svg("path", { class: "head", d: `M${to}L${bx - uy * head * 0.45} ${by + ux * head * 0.45}L${bx + uy * head * 0.45} ${by - ux * head * 0.45}Z` }, group);
}

// Draws the mark of a row; returns where its label belongs, or nothing where there is nothing to see.
function mark(group, i, unit) {
  const row = rule().rows[i], pair = flat(value(i));
  if (!pair || !finite(pair)) return null;
  const base = rule().rows.findIndex(other => other.layer === row.layer && other.given && other.name === "theta");
  const theta = flat(value(base));
  if (!theta || !finite(theta)) return null;
  const from = near(place(theta)), reach = REACH * Math.min(width, height);
  if (row.kind === "point") {
    const [x, y] = near(place(pair)), r = 5.5 * unit;
    svg("path", { class: "point", d: `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z` }, group);
    return [x, y, 0, 1];
  }
  if (row.kind === "shift") {
    const to = near(place([theta[0] + row.sense * pair[0], theta[1] + row.sense * pair[1]]));
    if (Math.hypot(to[0] - from[0], to[1] - from[1]) < unit) return null;
    arrow(group, from, to, unit);
    return [...to, to[0] - from[0], to[1] - from[1]];
  }
  if (row.kind === "arrow") {
    const most = largest(i, drawn), size = drawn(pair);
    if (!size) return null;
    const length = reach * Math.cbrt(size / most) * row.sense / size;
    const to = [from[0] + pair[0] * scale[0] * length, from[1] + pair[1] * scale[1] * length];
    if (Math.hypot(to[0] - from[0], to[1] - from[1]) < 2 * unit) return null;
    arrow(group, from, to, unit);
    return [...to, to[0] - from[0], to[1] - from[1]];
  }
  const most = largest(i, sizes => Math.max(...sizes));
  if (!most) return null;
  const [wide, high] = pair.map(x => Math.max(reach * 0.75 * Math.cbrt(x / most), 1));
  svg("rect", { x: from[0] - wide, y: from[1] - high, width: 2 * wide, height: 2 * high }, group);
  return [from[0] - wide, from[1] - high, -1, -1];
}

const sign = row => (row.kind === "shift" || row.kind === "arrow") && row.sense < 0 ? "−" : "";
const called = row => sign(row) + row.name + (row.layer ? ` (${rule().layers[row.layer]})` : "");

// Where a label is put: beside the tip, on the side that the arrow points to, where no other label stands.
function spot([tipX, tipY, dx = 1, dy = 0], [w, h], taken, unit) {
  const gap = 6 * unit, free = ([x, y]) => x >= left && x + w <= left + width && y - h >= top_ && y <= top_ + height
    && taken.every(([a, b, c, d]) => x > a + c || a > x + w || y - h > b || b - d > y);
  const sides = [[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, 1], [1, -1], [-1, -1]];
  sides.sort((a, b) => (b[0] * dx + b[1] * dy) / Math.hypot(...b) - (a[0] * dx + a[1] * dy) / Math.hypot(...a));
  for (const far of [1, 3, 5, 7]) for (const [sx, sy] of sides) {
    const x = tipX + sx * gap * far - (1 - sx) / 2 * w, y = tipY + sy * gap * far + (1 + sy) / 2 * h * 0.8;
    if (free([x, y])) return [x, y];
  }
  return [tipX + gap, tipY];
}

function drawMarks() {
  const picture = at("picture"), unit = data.field.size[0] / (picture.clientWidth || data.field.size[0]);
  at("marks").replaceChildren();
  at("labels").replaceChildren();
  const style = styles(), order = { size: 0, arrow: 1, shift: 2, point: 3 }, taken = [];
  const shown = rule().rows.map((_, i) => i).filter(i => marked(i) && (state.on[state.rule][i] || i === state.lit));
  shown.sort((a, b) => order[rule().rows[a].kind] - order[rule().rows[b].kind]);
  for (const i of shown) {
    const lit = i === state.lit ? " lit" : "";
    const group = svg("g", { class: `mark${lit}`, style: `--c:${style[i].color}`, "data-row": i, "stroke-dasharray": style[i].dash }, at("marks"));
    const tip = mark(group, i, unit);
    group.addEventListener("pointerenter", () => light(i, true));
    group.addEventListener("pointerleave", () => light(null, true));
    if (!tip || !inside(tip)) continue;
    const text = called(rule().rows[i]), size = 12 * unit, [w, h] = [text.length * size * 0.64, size * 1.1];
    const [x, y] = spot(tip, [w, h], taken, unit);
    taken.push([x, y, w, h]);
    svg("text", { class: `label${lit}`, x, y, style: `--c:${style[i].color}` }, at("labels")).textContent = text;
  }
  picture.classList.toggle("focused", state.lit !== null && shown.includes(state.lit));
}

function star(x, y, r) {
  const corners = [...Array(10).keys()].map(i => [x + Math.sin(i * Math.PI / 5) * (i % 2 ? r * 0.45 : r), y - Math.cos(i * Math.PI / 5) * (i % 2 ? r * 0.45 : r)]);
  return `M${corners.join("L")}Z`;
}

function drawWalk() {
  const picture = at("picture"), unit = data.field.size[0] / (picture.clientWidth || data.field.size[0]), walk = at("walk");
  walk.replaceChildren();
  const theta = run().columns[0].slice(0, state.step).map(point => near(place(point)));
  for (const minimum of data.minima) svg("path", { class: "minimum", d: star(...place(minimum), 9 * unit) }, walk);
  const [sx, sy] = near(place(data.start)), r = 5 * unit;
  svg("path", { class: "trail", d: `M${theta.join("L")}` }, walk);
  svg("rect", { class: "start", x: sx - r, y: sy - r, width: 2 * r, height: 2 * r }, walk);
  for (const [cx, cy] of theta.slice(1)) svg("circle", { class: "visited", cx, cy, r: 2.2 * unit }, walk);
  const here = theta.at(-1), made = flat(value(next()));
  if (made && finite(made)) {
    const there = near(place(made));
    svg("path", { class: "step", d: `M${here}L${there}` }, walk);
    svg("circle", { class: "there", cx: there[0], cy: there[1], r: 4.5 * unit }, walk);
  }
  if (inside(here)) svg("circle", { class: "here", cx: here[0], cy: here[1], r: 5.5 * unit }, walk);
  else { // where at the edge it left, a wedge that points there
    const edge = [Math.min(Math.max(here[0], left), left + width), Math.min(Math.max(here[1], top_), top_ + height)];
    const [dx, dy] = [here[0] - edge[0], here[1] - edge[1]], [ux, uy] = [dx / Math.hypot(dx, dy), dy / Math.hypot(dx, dy)];
    const foot = [edge[0] - ux * 14 * unit, edge[1] - uy * 14 * unit], side = 6 * unit;
    svg("path", { class: "here", d: `M${edge}L${foot[0] - uy * side} ${foot[1] + ux * side}L${foot[0] + uy * side} ${foot[1] - ux * side}Z` }, walk);
  }
}

// ---- the loss

function drawCurve() {
  const curve = at("curve"), [w, h, margin] = [curve.clientWidth || 600, 104, 58];
  curve.setAttribute("viewBox", `0 0 ${w} ${h}`);
  curve.replaceChildren();
  const all = rule().runs.map(one => one.losses.map(real)), known = all.flat().filter(Number.isFinite);
  const own = all[state.run], seen = own.filter(Number.isFinite);
  const logarithmic = known.every(x => x >= 0) && seen.some(x => x > 0);
  const floor = Math.max(Math.min(...known.filter(x => x > 0)), 1e-16);
  const f = logarithmic ? x => Math.log10(Math.max(x, floor)) : x => x;
  const ceiling = Math.max(f(own[0]), ...seen.map(f)), low = Math.min(...known.map(f));
  const high = ceiling > low ? ceiling : low + 1;
  const x = k => margin + (w - margin - 10) * k / data.steps, y = loss => 10 + (h - 34) * (high - f(loss)) / (high - low);
  const clipped = loss => Math.max(y(loss), 2);
  const line = losses => "M" + losses.map((loss, k) => Number.isFinite(loss) ? `${x(k).toFixed(1)} ${clipped(loss).toFixed(1)}` : null).filter(Boolean).join("L");
  all.forEach((losses, i) => i !== state.run && svg("path", { class: "curve", d: line(losses) }, curve));
  svg("path", { class: "now", d: `M${x(state.step)} 2V${h - 18}` }, curve);
  svg("path", { class: "curve own", d: line(own) }, curve);
  const loss = own[state.step];
  if (Number.isFinite(loss)) svg("circle", { class: "dot", cx: x(state.step), cy: clipped(loss), r: 4.5 }, curve);
  const shown = value => number(Number((logarithmic ? 10 ** value : value).toPrecision(2)));
  const note = (text, attributes) => { svg("text", { class: "tick", ...attributes }, curve).textContent = text; };
  note(shown(high), { x: margin - 8, y: 10, dy: ".32em", "text-anchor": "end" });
  note(shown(low), { x: margin - 8, y: h - 24, dy: ".32em", "text-anchor": "end" });
  note("0", { x: margin, y: h - 4, "text-anchor": "middle" });
  note(`${data.steps} steps`, { x: w - 10, y: h - 4, "text-anchor": "end" });
  const others = rule().runs.length > 1 ? "; pale: the other learning rates" : "";
  at("caption").textContent = `Loss after each step${logarithmic ? ", logarithmic" : ""}${others}`;
}

// ---- the lines

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, x] of Object.entries(attributes)) x !== undefined && node.setAttribute(key, x);
  node.append(...children);
  return node;
}

function symbol(row, style) {
  const picture = svg("svg", { viewBox: "0 0 26 15", style: `--c:${style.color}`, "aria-hidden": "true", class: "mark" });
  if (row.kind === "size") svg("rect", { x: 6, y: 1, width: 14, height: 13, "stroke-dasharray": style.dash }, picture);
  else if (row.kind === "point") svg("path", { class: "point", d: "M13 2L18.5 7.5L13 13L7.5 7.5Z" }, picture);
  else {
    svg("path", { d: "M1 7.5H18", "stroke-dasharray": style.dash }, picture);
    svg("path", { class: "head", d: "M25 7.5L16 3V12Z" }, picture);
  }
  return picture;
}

function listLines() {
  const style = styles(), boxes = [];
  let list;
  rule().rows.forEach((row, i) => {
    if (row.layer !== rule().rows[i - 1]?.layer) {
      const name = rule().layers[row.layer];
      if (rule().layers.length > 1) boxes.push(element("h3", {}, row.layer ? `Inside: ${name}, as ${rule().layers[row.layer - 1]} asks it` : name));
      boxes.push(list = element("ol"));
    }
    const item = element("li", { "data-row": i, class: row.given || row.code ? "" : "part" });
    const tick = element(marked(i) ? "label" : "span", { class: "draw" });
    if (marked(i)) {
      item.style.setProperty("--c", style[i].color);
      const box = element("input", { type: "checkbox", "aria-label": `Draw ${called(row)}` });
      box.checked = state.on[state.rule][i];
      box.addEventListener("change", () => { state.on[state.rule][i] = box.checked; item.classList.toggle("shown", box.checked); draw(); });
      item.classList.toggle("shown", box.checked);
      tick.append(box, symbol(row, style[i]));
    }
    const text = element("div", { class: "source" });
    if (row.given) text.append(element("span", { class: "comment" }, row.name === "theta" ? "given: theta, the current point" : row.layer ? "given: g" : "given: g, the gradient there"));
    if (row.code) text.append(element("code", {}, row.code));
    if (row.comment) text.append(element("span", { class: "comment" }, `  # ${row.comment}`));
    const output = element("div", { class: "value" });
    item.append(tick, text, output);
    if (row.math) { const math = element("div", { class: "math" }); math.innerHTML = row.math; item.append(math); }
    item.addEventListener("pointerenter", () => light(i));
    item.addEventListener("pointerleave", () => light(null));
    item.addEventListener("focusin", () => light(i));
    item.addEventListener("focusout", () => light(null));
    list.append(item);
  });
  at("layers").replaceChildren(...boxes);
}

function light(row, quiet = false) {
  state.lit = row;
  for (const item of document.querySelectorAll("li")) item.classList.toggle("lit", Number(item.dataset.row) === row);
  if (!quiet) return drawMarks();
  at("picture").classList.toggle("focused", row !== null);
  for (const group of document.querySelectorAll(".mark[data-row]")) group.classList.toggle("lit", Number(group.dataset.row) === row);
}

function fillValues() {
  for (const item of document.querySelectorAll("li")) {
    const i = Number(item.dataset.row), row = rule().rows[i], now = value(i), output = item.querySelector(".value");
    const missing = now === null;
    output.classList.toggle("none", missing);
    if (missing) {
      output.replaceChildren(row.name === "inner_state" ? "inner_state: in the lines below" : `${row.name}: not asked in this step`);
      output.removeAttribute("data-value");
      continue;
    }
    item.classList.toggle("first", state.step === 1);
    const before = state.step > 1 ? value(i, state.step - 1) : undefined;
    output.replaceChildren(`${row.name} = `, ...spelled(now, before));
    item.classList.toggle("wide", output.textContent.length > 44); // below its line, which it would squeeze
    output.dataset.value = JSON.stringify(now);
    output.title = Array.isArray(now) ? now.flat(9).join("\n") : typeof now === "object" ? "" : String(now);
  }
}

// ---- moving

function show() {
  const k = state.step, n = steps(), losses = run().losses, point = run().columns[0][k - 1];
  for (const id of ["first", "previous"]) at(id).disabled = k === 1;
  for (const id of ["next", "last"]) at(id).disabled = k === n;
  const slider = at("slider");
  slider.max = n;
  slider.value = k;
  slider.setAttribute("aria-valuetext", `step ${k} of ${n}`);
  at("count").textContent = `${k} / ${n}`;
  const made = flat(value(next()));
  let note = made && finite(made) && made.some((x, i) => x < whole.low[i] || x > whole.high[i]) ? ", outside the picture" : "";
  if (k === n && n < data.steps) note = ": it leaves for infinity";
  at("status").textContent = `Step ${k} of ${n}: loss ${number(losses[k - 1], 4)} → ${number(losses[k], 4)}, theta ${words(point)} → ${words(made)}${note}.`;
  fillValues();
  draw();
}

function draw() {
  const picture = at("picture");
  picture.style.setProperty("--u", data.field.size[0] / (picture.clientWidth || data.field.size[0]));
  look();
  drawAxes();
  drawWalk();
  drawMarks();
  drawCurve();
}

function go(step) {
  state.step = Math.min(Math.max(step, 1), steps());
  show();
}

function play(on) {
  clearInterval(state.timer);
  state.timer = on ? setInterval(() => { if (state.step < steps()) go(state.step + 1); if (state.step === steps()) play(false); }, PAUSE) : null;
  at("play").setAttribute("aria-label", on ? "Pause" : "Play");
  at("symbol").setAttribute("d", on ? "M3.5 3H7v10H3.5zM9 3h3.5v10H9z" : "M4 2.5v11L13.5 8z");
  at("status").setAttribute("aria-live", on ? "off" : "polite"); // not a sentence every moment
  if (on && state.step === steps()) go(1);
}

function choose(ruleIndex, rate) {
  state.rule = ruleIndex;
  const rates = rule().runs.map(one => one.lr), same = rates.indexOf(rate);
  const ends = rule().runs.map(one => typeof one.losses.at(-1) === "number" ? one.losses.at(-1) : Infinity);
  state.run = same >= 0 ? same : ends.indexOf(Math.min(...ends)); // the one that comes lowest
  state.lit = null;
  at("rate").replaceChildren(...rates.map((lr, i) => element("option", { value: i }, lr === null ? "none" : number(lr))));
  at("rate").value = state.run;
  at("rate").disabled = rates.length < 2;
  at("heading").textContent = rule().label;
  listLines();
  settle();
}

function settle() {
  at("text").textContent = run().text;
  go(state.step);
}

at("rule").replaceChildren(...data.rules.map((one, i) => element("option", { value: i }, one.label)));
at("rule").disabled = data.rules.length < 2;
at("rule").addEventListener("change", event => { play(false); choose(Number(event.target.value), run().lr); });
at("rate").addEventListener("change", event => { play(false); state.run = Number(event.target.value); settle(); });
const moves = { first: () => 1, previous: () => state.step - 1, next: () => state.step + 1, last: () => steps() };
for (const [id, target] of Object.entries(moves)) at(id).addEventListener("click", () => { play(false); go(target()); });
at("play").addEventListener("click", () => play(state.timer === null));
at("slider").addEventListener("input", event => { play(false); go(Number(event.target.value)); });
at("zoom").addEventListener("change", event => { state.zoom = event.target.checked; draw(); });
const keys = { Home: "first", ArrowLeft: "previous", ArrowRight: "next", End: "last" };
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const own = event.target.closest?.("select, input[type=range]"); // these have arrows of their own
  if (event.key === " " && !event.target.closest?.("button, select, input")) play(state.timer === null);
  else if (event.key === "z") at("zoom").click();
  else if (event.key in keys && !own) { play(false); go(moves[keys[event.key]]()); }
  else return;
  event.preventDefault();
});
new ResizeObserver(draw).observe(at("picture"));
choose(0);
