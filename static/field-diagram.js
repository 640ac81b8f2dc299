// Where a candidate stands among the stars of its field.

import {colourPlot, leaveSwipesToThePage} from "./plots.js";

export async function showDiagram(element, note, data) {
  note.textContent = described(data);
  if (!data.points.length) {
    element.remove();
    return;
  }
  const all = [...data.points, ...data.itself];
  const [left, right] = spread(all.map(([x]) => x), data.itself.map(([x]) => x));
  const [bright, faint] = spread(all.map(([, y]) => y), data.itself.map(([, y]) => y));
  const plot = Bokeh.Plotting.figure({
    height: 320, sizing_mode: "stretch_width", tools: "pan,box_zoom,wheel_zoom,reset", toolbar_location: "above",
    x_range: new Bokeh.Range1d({start: left, end: right}), y_range: new Bokeh.Range1d({start: faint, end: bright}),
  });
  plot.toolbar.logo = null;
  leaveSwipesToThePage(plot);
  for (const axis of plot.xaxis) axis.axis_label = data.x;
  for (const axis of plot.yaxis) axis.axis_label = data.y;
  const dots = plot.scatter({field: "x"}, {field: "y"}, {source: source(data.points), size: 3, line_color: null, fill_alpha: 0.4});
  const blends = plot.scatter({field: "x"}, {field: "y"}, {source: source(data.blends), size: 5, marker: "x", fill_alpha: 0, line_alpha: 0.45});
  const itself = plot.scatter({field: "x"}, {field: "y"}, {source: source(data.itself), size: 15, marker: "star", fill_color: "#f0902a", line_width: 1.2});
  const colour = () => colourIn(plot, dots, blends, itself);
  colour();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);
  await Bokeh.Plotting.show(plot, element);
}

function described({kind, points, blends, itself, filters, x}) {
  if (kind === "colour") {
    const stars = points.length ? `${points.length.toLocaleString("en")} stars of its chip, in ${filters.join(" and ")}${blends.length ? `; × ${blends.length.toLocaleString("en")} blends, whose colours are of several` : ""}.` : "No star of its chip has a match in the other filter.";
    return itself.length ? `${stars} The star marks the candidate.` : `${stars} The candidate itself has no match there.`;
  }
  const only = `Its field has ${filters[0]} alone, so no colours.`;
  return points.length ? `${only} Instead: the candidates of its chip by magnitude and ${x.split(" ")[0]}.` : `${only} Nor has its chip another candidate to compare with.`;
}

const source = (points) => new Bokeh.ColumnDataSource({data: {x: points.map(([x]) => x), y: points.map(([, y]) => y)}});

function colourIn(plot, dots, blends, itself) {
  const text = colourPlot(plot);
  dots.glyph.fill_color = text;
  blends.glyph.line_color = "#c4501b";
  itself.glyph.line_color = text;
}

// The range of nearly all values, so that a few outliers don't make the rest small; and of its own.
function spread(values, own) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  const low = Math.min(at(0.005), ...own), high = Math.max(at(0.995), ...own);
  const pad = Math.max((high - low) * 0.08, 0.05);
  return [low - pad, high + pad];
}
