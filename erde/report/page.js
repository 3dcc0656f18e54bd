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
    entropies: unpack(curve.entropies, "f8"),
    right: unpack(curve.right, curve.type),
    leaves: unpack(curve.leaves, curve.type),
  };
}

for (const network of data.networks) {
  network.val = unpackCurve(network.val);
  network.test = unpackCurve(network.test);
}

// The point that a threshold reaches: as many steps down as there are entropies below it.
function indexAt(curve, theta) {
  let low = 0, high = curve.entropies.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve.entropies[middle] < theta) low = middle + 1; else high = middle;
  }
  return low;
}

function meanMacs(curve, k) {
  let total = 0;
  data.macs.forEach((macs, e) => { total += macs * curve.leaves[k * data.macs.length + e]; });
  return total / curve.images;
}

function thresholdOf(curve, k) {
  const h = curve.entropies;
  if (k === 0) return 0;
  if (k === h.length) return 2 * data.log_classes;
  const middle = h[k - 1] + (h[k] - h[k - 1]) / 2;
  return middle > h[k - 1] ? middle : h[k];
}

// Of the affordable points on validation the most accurate, then the cheapest, then the loosest.
function thresholdForBudget(curve, budget) {
  let best = -1, bestRight = -1, bestCost = 0;
  for (let k = 0; k < curve.right.length; k++) {
    const cost = meanMacs(curve, k);
    const better = curve.right[k] > bestRight || (curve.right[k] === bestRight && cost <= bestCost);
    if (cost <= budget && better) { best = k; bestRight = curve.right[k]; bestCost = cost; }
  }
  return best < 0 ? null : thresholdOf(curve, best);
}

function outcome(network, theta) {
  const curve = network.test, k = indexAt(curve, theta), exits = data.macs.length;
  const leaves = Array.from(curve.leaves.slice(k * exits, (k + 1) * exits));
  return {
    theta,
    accuracy: curve.right[k] / curve.images,
    macs: meanMacs(curve, k),
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
    shares: data.macs.map((_, e) => mean(outcomes.map((o) => o.shares[e]))),
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
    s.theta.toFixed(4),
    (100 * s.accuracy).toFixed(2) + " %",
    (s.macs / 1e6).toFixed(2),
    "1/" + (data.teacher_macs / s.macs).toFixed(1),
    s.shares.map((share) => (100 * share).toFixed(0)).join(" / "),
    Number.isFinite(s.bound) ? "≤ " + (100 * s.bound).toFixed(0) + " %" : "none",
  ];
  for (const text of cells) line.appendChild(document.createElement("td")).textContent = text;
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
  const first = data.macs[0], last = data.macs[data.macs.length - 1];
  if (!(budget >= first && budget <= last)) {
    element("message").textContent = `The budget must lie between ${first / 1e6} and ` +
      `${last / 1e6} million MACs, got ${element("budget").value}.`;
    return;
  }
  element("message").textContent = "";
  showing = () => show((network) => thresholdForBudget(network.val, budget));
  showing();
}

// Entropies crowd near 0: the slider is cubic.
element("slider").addEventListener("input", (event) => {
  // Rounded before it is used, so that the box shows the threshold itself.
  const theta = Number((data.log_classes * (event.target.value / 1000) ** 3).toPrecision(5));
  element("theta").value = theta;
  showTheta(theta);
});
element("theta").addEventListener("change", (event) => {
  const theta = Number(event.target.value), loosest = 2 * data.log_classes;
  if (event.target.value === "" || !(theta >= 0 && theta <= loosest)) {
    element("message").textContent = `θ must lie between 0 and ${loosest.toFixed(4)} nats, ` +
      `got ${event.target.value || "nothing"}.`;
    return;
  }
  element("slider").value = 1000 * Math.cbrt(Math.min(theta / data.log_classes, 1));
  showTheta(theta);
});
element("budget").addEventListener("change", (event) => showBudget(1e6 * Number(event.target.value)));
element("seed").addEventListener("change", () => showing());

const narrow = () => window.innerWidth < 600;

function draw(id, chart) {
  const axis = (title) => ({ title: { text: title }, automargin: true, gridcolor: "#eee" });
  const log = chart.ticks ? { type: "log", tickvals: chart.ticks, ticktext: chart.ticks } : {};
  const layout = {
    font: { family: "system-ui, DejaVu Sans, sans-serif", size: narrow() ? 11 : 13 },
    title: { text: chart.title, font: { size: 14 } },
    margin: { l: 50, r: 10, t: chart.title ? 40 : 10, b: 45 },
    xaxis: { ...axis(chart.x), ...log },
    yaxis: axis(chart.y),
    legend: { orientation: "h", y: chart.ticks ? -0.2 : -0.35 },
    barmode: "group",
  };
  Plotly.newPlot(id, chart.traces, layout, { responsive: true, displayModeBar: false });
}

for (const [id, chart] of Object.entries(data.charts)) draw(id, chart);
element("slider").dispatchEvent(new Event("input"));
