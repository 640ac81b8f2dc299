// Where a candidate stands among the stars of its field.

export async function showDiagram(element, note, {kind, x, y, points, itself}) {
  if (!points.length) {
    note.textContent = "Too few sources to draw its field.";
    return;
  }
  note.textContent = kind === "colour"
    ? `${points.length.toLocaleString()} stars of the same chip.${itself.length ? "" : " The candidate has no match in the other filter."}`
    : "This field was observed in one filter only: the candidates of the chip by magnitude and scatter.";
  const all = [...points, ...itself];
  const [left, right] = spread(all.map((p) => p[0])), [bright, faint] = spread(all.map((p) => p[1]));
  const plot = Bokeh.Plotting.figure({
    height: 330, sizing_mode: "stretch_width", tools: "pan,box_zoom,wheel_zoom,reset", toolbar_location: "above",
    x_range: new Bokeh.Range1d({start: left, end: right}), y_range: new Bokeh.Range1d({start: faint, end: bright}),
  });
  plot.toolbar.logo = null;
  const css = getComputedStyle(document.documentElement);
  const [text, line] = ["--text", "--line"].map((name) => css.getPropertyValue(name).trim());
  Object.assign(plot, {background_fill_color: null, border_fill_color: null, outline_line_color: line});
  for (const [axes, label] of [[plot.xaxis, x], [plot.yaxis, y]]) {
    for (const axis of axes) {
      Object.assign(axis, {axis_label: label, axis_line_color: line, major_tick_line_color: line,
        minor_tick_line_color: null, major_label_text_color: text, axis_label_text_color: text,
        axis_label_text_font_style: "normal"});
    }
  }
  for (const grid of [...plot.xgrid, ...plot.ygrid]) grid.grid_line_color = line;
  const source = (of) => new Bokeh.ColumnDataSource({data: {x: of.map((p) => p[0]), y: of.map((p) => p[1])}});
  plot.scatter({field: "x"}, {field: "y"}, {source: source(points), size: 3, fill_color: text, line_color: null, fill_alpha: 0.4});
  plot.scatter({field: "x"}, {field: "y"}, {source: source(itself), size: 13, marker: "circle", fill_color: "#e08a1e", line_color: text, line_width: 1.5});
  await Bokeh.Plotting.show(plot, element);
}

// The range of nearly all values: a few outliers don't make the rest small.
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  const [low, high] = [at(0.005), at(0.995)];
  const pad = Math.max((high - low) * 0.08, 0.1);
  return [low - pad, high + pad];
}
