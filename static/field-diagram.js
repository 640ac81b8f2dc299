// The diagram of a candidate among the stars of its field: colour and magnitude, or what there is.

import {MARKS, addMarkers, columnSource, followColourScheme, labelAxes, makePlot} from "./plots.js";

export async function showDiagram(element, note, data) {
  note.textContent = described(data);
  if (!data.points.length) {
    element.remove();
    return;
  }
  const all = [...data.points, ...data.itself];
  const [left, right] = spread(all.map(([x]) => x), data.itself.map(([x]) => x));
  const [bright, faint] = spread(all.map(([, y]) => y), data.itself.map(([, y]) => y));
  const plot = makePlot({
    height: 320, toolbar_location: "above",
    x_range: new Bokeh.Range1d({start: left, end: right}), y_range: new Bokeh.Range1d({start: faint, end: bright}),
  });
  labelAxes(plot.xaxis, data.x);
  labelAxes(plot.yaxis, data.y);
  const add = (points, style) => addMarkers(plot, ["x", "y"], pointSource(points), style);
  const dots = add(data.points, {size: 3, line_color: null, fill_alpha: 0.4});
  add(data.blends, {size: 5, marker: "x", fill_alpha: 0, line_alpha: 0.6, line_color: MARKS[0]});
  const candidate = add(data.itself, {size: 15, marker: "star", fill_color: MARKS[1], line_width: 1.2});
  followColourScheme(plot, (text) => {
    dots.glyph.fill_color = text;
    candidate.glyph.line_color = text;
  });
  await Bokeh.Plotting.show(plot, element);
}

// What the diagram shows, in words.
function described({kind, points, blends, itself, filters, x}) {
  if (kind === "colour") {
    return `${starsIn(points, blends, filters)} ${itself.length ? "The star marks the candidate." : "The candidate itself has no match there."}`;
  }
  const only = `Its field has ${filters[0]} alone, so no colours.`;
  return points.length ? `${only} Instead: the candidates of its chip by magnitude and ${x.split(" ")[0]}.` : `${only} Nor has its chip another candidate to compare with.`;
}

function starsIn(points, blends, filters) {
  if (!points.length) return "No star of its chip has a match in the other filter.";
  const several = blends.length ? `; × ${blends.length.toLocaleString("en")} blends, whose colours are of several` : "";
  return `${points.length.toLocaleString("en")} stars of its chip, in ${filters.join(" and ")}${several}.`;
}

const pointSource = (points) => columnSource({x: points.map(([x]) => x), y: points.map(([, y]) => y)});

// The range of nearly all values, so that a few outliers don't make the rest small, and of all
// that are to be ``included``.
function spread(values, included) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  const low = Math.min(at(0.005), ...included), high = Math.max(at(0.995), ...included);
  const pad = Math.max((high - low) * 0.08, 0.05);
  return [low - pad, high + pad];
}
