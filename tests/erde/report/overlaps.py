"""Texts of a page that lie on each other, and ways to make them: measured in the browser."""

# All that is written on the page, line by line, and which of it overlaps, as (text, text). Ticks
# and titles in a chart are SVG, where a turned text counts with the box around it; legends,
# headings and cells are HTML. A pixel of touch is none.
OVERLAPS = """
const lines = [], seen = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode, text = node.textContent.trim();
  const hidden = !node.parentElement.checkVisibility() ||  // in a folded table
    node.parentElement.closest("script, style, option, .js-plotly-tester");
  if (!text || hidden) continue;
  const drawn = node.parentElement.closest("svg text"), range = document.createRange();
  if (seen.has(drawn)) continue;
  if (drawn) seen.add(drawn);  // whole, whatever it is made of
  range.selectNodeContents(node);
  const boxes = drawn ? [drawn.getBoundingClientRect()] : range.getClientRects();
  for (const box of boxes) if (box.width && box.height) lines.push([node, text, box]);
}
lines.sort(([, , p], [, , q]) => p.top - q.top);
const found = [];
lines.forEach(([node, text, p], i) => {
  for (let j = i + 1; j < lines.length && lines[j][2].top < p.bottom - 1; j += 1) {
    const [other, word, q] = lines[j];
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const high = Math.min(p.bottom, q.bottom) - q.top;
    if (node !== other && wide > 1 && high > 1) found.push([text, word]);
  }
});
return found;
"""

_RELAYOUT = "return Plotly.relayout('pareto', %s).then(() => null)"
_STYLE = "document.head.appendChild(document.createElement('style')).textContent = '%s'"

# What each of them makes overlap, and how. The first is what the page did when its legends were
# Plotly's, the second what it did of ticks such as 0.7000000000000001.
PLANTED = {
    "legend on the axis' title": _RELAYOUT % "{showlegend: true, legend: {y: -0.12, x: 0.3}}",
    "long ticks": _RELAYOUT
    % (
        "{'xaxis.tickangle': 0, 'xaxis.tickvals': [1, 1.1, 1.2, 1.3, 1.4], 'xaxis.ticktext': "
        "['1.0000000000000001', '1.1000000000000001', '1.2000000000000002', '1.3', '1.4']}"
    ),
    "title of the chart on its ticks": _STYLE % ".plot figcaption { margin-bottom: -2.2rem }",
    "legend on the chart": _STYLE % ".legend { margin-bottom: -2.6rem }",
    "lines of a paragraph": _STYLE % "p { line-height: 0.8 }",
    "cells of a table": _STYLE % "td { max-width: 1em; white-space: nowrap }",
}
