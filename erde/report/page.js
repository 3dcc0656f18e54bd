"use strict";
// Moves along the exact curves: every number here is counted from the images, none interpolated.
const data = JSON.parse(document.getElementById("data").textContent);
const types = { f8: Float64Array, u2: Uint16Array, u4: Uint32Array };
const element = (id) => document.getElementById(id);

function unpack(text, type) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new types[type](bytes.buffer);
}

function unpackCurve(curve) {
  return {
    images: curve.images,
    scores: unpack(curve.scores, "f8"),
    right: unpack(curve.right, curve.type),
    leaves: unpack(curve.leaves, curve.type),
  };
}

for (const network of data.networks) {
  network.choices = {
    macs: unpack(network.choices.macs, "f8"),
    thresholds: unpack(network.choices.thresholds, "f8"),
  };
  network.test = unpackCurve(network.test);
}

// How many of the ascending numbers are below a limit.
function countBelow(numbers, limit) {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < limit) low = middle + 1; else high = middle;
  }
  return low;
}

function meanMacs(leaves, network) {
  const total = network.macs.reduce((sum, macs, e) => sum + macs * leaves[e], 0);
  return total / network.test.images;
}

// What validation chose for a budget, from a table; null where the budget is too small.
function thresholdForBudget(choices, budget) {
  let last = countBelow(choices.macs, budget);
  if (choices.macs[last] !== budget) last -= 1;
  return last < 0 ? null : choices.thresholds[last];
}

function outcome(network, theta) {
  // One step down the curve per score below θ.
  const curve = network.test, k = countBelow(curve.scores, theta), exits = network.macs.length;
  const leaves = Array.from(curve.leaves.slice(k * exits, (k + 1) * exits));
  return {
    theta,
    accuracy: curve.right[k] / curve.images,
    macs: meanMacs(leaves, network),
    shares: leaves.map((count) => count / curve.images),
    certified: network.certified.find((c) => theta <= c.threshold),
  };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function summary(outcomes) {
  const bounds = outcomes.map((o) => o.certified ? Number(o.certified.epsilon) : Infinity);
  return {
    theta: mean(outcomes.map((o) => o.theta)),
    accuracy: mean(outcomes.map((o) => o.accuracy)),
    macs: mean(outcomes.map((o) => o.macs)),
    shares: outcomes[0].shares.map((_, e) => mean(outcomes.map((o) => o.shares[e]))),
    bound: Math.max(...bounds),
  };
}

function row(variant, s) {
  const line = document.createElement("tr");
  line.dataset.variant = variant;
  for (const key of ["theta", "accuracy", "macs"]) line.dataset[key] = s[key];
  line.dataset.shares = s.shares.join(" ");
  const cells = [
    data.names[variant],
    String(Number(s.theta.toPrecision(4))),
    (100 * s.accuracy).toFixed(2) + " %",
    (s.macs / 1e6).toFixed(2),
    "1/" + (data.whole_macs / s.macs).toFixed(1),
    s.shares.map((share) => (100 * share).toFixed(0)).join(" / "),
    Number.isFinite(s.bound) ? "≤ " + (100 * s.bound).toFixed(0) + " %" : "none",
  ];
  const titles = [...element("columns").children].map((title) => title.textContent);
  cells.forEach((text, i) => {
    const cell = line.appendChild(document.createElement("td"));
    cell.textContent = text;
    cell.dataset.label = titles[i];
  });
  return line;
}

// choose: a network's threshold, or null if it has none.
function show(choose) {
  const seed = element("seed").value, body = element("now");
  body.replaceChildren();
  for (const variant of Object.keys(data.names)) {
    const chosen = data.networks.filter(
      (n) => n.variant === variant && (seed === "all" || String(n.seed) === seed));
    const thetas = chosen.map(choose);
    if (thetas.includes(null)) { mark(variant, null, null); continue; }
    const s = summary(chosen.map((network, i) => outcome(network, thetas[i])));
    body.appendChild(row(variant, s));
    mark(variant, s.macs / 1e6, 100 * s.accuracy);
  }
}

function mark(variant, x, y) {
  const chart = element("pareto");
  const index = chart.data.findIndex((trace) => trace.meta === variant);
  Plotly.restyle(chart, { x: [[x]], y: [[y]] }, [index]);
}

let showing = () => showTheta(0);

function showTheta(theta) {
  element("message").textContent = "";
  element("budget").value = "";
  showing = () => show(() => theta);
  showing();
}

function showBudget(budget) {
  const first = Math.min(...data.networks.map((network) => network.macs[0]));
  const last = Math.max(...data.networks.map((network) => network.macs.at(-1)));
  if (!(budget >= first && budget <= last)) {
    element("message").textContent = `The budget must lie between ${first / 1e6} and ` +
      `${last / 1e6} million MACs, got ${element("budget").value}.`;
    return;
  }
  element("message").textContent = "";
  element("theta").value = "";
  showing = () => show((network) => thresholdForBudget(network.choices, budget));
  showing();
}

// Scores crowd near 0: the slider is cubic.
element("slider").addEventListener("input", (event) => {
  // Rounded before it is used, so that the box shows the threshold itself.
  const theta = Number((data.unsure * (event.target.value / 1000) ** 3).toPrecision(5));
  element("theta").value = theta;
  showTheta(theta);
});
element("theta").addEventListener("change", (event) => {
  const theta = Number(event.target.value), loosest = data.loosest;
  if (event.target.value === "" || !(theta >= 0 && theta <= loosest)) {
    element("message").textContent = `θ must lie between 0 and ${loosest.toPrecision(4)} ${data.unit}, ` +
      `got ${event.target.value || "nothing"}.`;
    return;
  }
  element("slider").value = 1000 * Math.cbrt(Math.min(theta / data.unsure, 1));
  showTheta(theta);
});
element("budget").addEventListener("change", (event) => showBudget(1e6 * Number(event.target.value)));
element("seed").addEventListener("change", () => showing());

const narrow = () => window.innerWidth < 600;
const font = { family: "system-ui, DejaVu Sans, sans-serif", color: "#1a1a1a" };
const axis = (title) => ({
  title: { text: title, standoff: 8, font: { size: 12 } }, automargin: true, gridcolor: "#e8e8e8", zerolinecolor: "#999",
});

function draw(id, chart) {
  const layout = {
    font: { ...font, size: narrow() ? 12 : 13 },
    margin: { l: 48, r: 12, t: 8, b: 40 },
    xaxis: axis(chart.x),
    yaxis: axis(chart.y),
    showlegend: false,
    barmode: "group",
    bargap: 0.25,
  };
  if (chart.log_ticks.all) {
    const [tickvals, ticktext] = narrow() ? chart.log_ticks.few : chart.log_ticks.all;
    Object.assign(layout.xaxis, { type: "log", tickvals, ticktext });
  }
  Plotly.newPlot(id, chart.traces, layout, { responsive: true, displayModeBar: false });
}

// Squares as large as fit, and never too small to tell; a wide matrix scrolls sideways.
function drawMatrix(id, chart) {
  const names = chart.traces[0].meta, letters = Math.max(...names.map((name) => name.length));
  const across = element(id).clientWidth;
  const margin = (size) => 30 + Math.ceil(0.65 * size * letters);
  const fitting = (size) => Math.floor((across - margin(size) - 12) / chart.cells);
  const size = [12, 9, 8].find((size) => fitting(size) > size) || 9;
  const cell = Math.min(Math.max(fitting(size), size + 1), 44);
  const left = margin(size), top = letters > 2 ? left : 44;
  const ticks = { tickvals: names.map((_, i) => i), ticktext: names, tickfont: { size } };
  const still = { ...ticks, showgrid: false, zeroline: false, fixedrange: true, ticks: "" };
  const layout = {
    font: { ...font, size: 12 },
    width: left + 12 + cell * chart.cells,
    height: top + 12 + cell * chart.cells,
    margin: { l: left, r: 12, t: top, b: 12 },
    xaxis: { ...still, title: { text: chart.x }, side: "top", tickangle: letters > 2 ? -90 : 0 },
    yaxis: { ...still, title: { text: chart.y }, autorange: "reversed" },
    plot_bgcolor: "#fff",
  };
  const numbers = cell >= 26 ? { texttemplate: "%{z:.0f}", textfont: { size: 11 } } : {};
  const traces = chart.traces.map((trace) => ({ ...trace, ...numbers }));
  Plotly.newPlot(id, traces, layout, { displayModeBar: false });
}

for (const [id, chart] of Object.entries(data.charts)) (chart.cells ? drawMatrix : draw)(id, chart);
element("slider").dispatchEvent(new Event("input"));
