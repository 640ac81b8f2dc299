// What all plots by Bokeh have in common: tools, axes, colours, and what a finger does on them.

// The colours of what is plotted, the same by day and by night; more kinds than three differ by shape.
export const MARKS = ["--mark-1", "--mark-2", "--mark-3"].map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim());

// An empty plot, as wide as there is room, with properties of Bokeh's figures.
export function makePlot(properties) {
  const plot = Bokeh.Plotting.figure({sizing_mode: "stretch_width", tools: "pan,box_zoom,wheel_zoom,reset", ...properties});
  plot.toolbar.logo = null;
  // A finger that swipes over a plot scrolls the page, until somebody chooses the tool that pans.
  if (matchMedia("(pointer: coarse)").matches) plot.toolbar.active_drag = null;
  return plot;
}

export const columnSource = (data) => new Bokeh.ColumnDataSource({data});

// Markers at two columns of a source; ``style``: properties of Bokeh's scatter glyphs.
export function addMarkers(plot, [x, y], source, style) {
  return plot.scatter({field: x}, {field: y}, {source, ...style});
}

export function labelAxes(axes, label) {
  for (const axis of axes) axis.axis_label = label;
}

// Colours a plot as the page is coloured, by day or by night; ``colourMarkers(text)`` follows with
// the colour of texts.
export function followColourScheme(plot, colourMarkers) {
  const colour = () => colourMarkers(colourPlot(plot));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);
  colour();
}

// Without a border that is painted, tick marks of an earlier axis stay on the canvas.
function colourPlot(plot) {
  const css = getComputedStyle(document.documentElement);
  const [text, line, card] = ["--text", "--line", "--card"].map((name) => css.getPropertyValue(name).trim());
  Object.assign(plot, {background_fill_color: card, border_fill_color: card, outline_line_color: line});
  for (const axis of [...plot.xaxis, ...plot.yaxis]) {
    Object.assign(axis, {axis_line_color: line, major_tick_line_color: line, minor_tick_line_color: null,
      major_label_text_color: text, axis_label_text_color: text, axis_label_text_font_style: "normal"});
  }
  for (const grid of [...plot.xgrid, ...plot.ygrid]) grid.grid_line_color = line;
  return text;
}
