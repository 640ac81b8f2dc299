// What all plots have in common: their colours, and what a finger does on them.

// Without a border that is painted, tick marks of an earlier axis stay on the canvas.
export function colourPlot(plot) {
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

// A finger that swipes over a plot scrolls the page, until somebody chooses the tool that pans.
export function leaveSwipesToThePage(plot) {
  if (matchMedia("(pointer: coarse)").matches) plot.toolbar.active_drag = null;
}
