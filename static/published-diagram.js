// A candidate among the published stars of its field: colour and magnitude, or absolute magnitude.

import {addImages, coloured, countsOf} from "./density.js";
import {element} from "./elements.js";
import {MARKS, addMarkers, columnSource, followColourScheme, labelAxes, makePlot} from "./plots.js";

const NAMES = {apparent: "Magnitudes", absolute: "Absolute magnitudes"};

// Fills a section that is hidden until there is something to show in it; ``data`` is null, or has
// the diagrams of variables.candidates.published_diagram.
export async function showPublished(section, data) {
  if (!data?.diagrams.length) return;
  section.hidden = false;
  const [container, note, choices] = ["plot", "note", "choices"].map((name) => section.querySelector(`.${name}`));
  let view = null;
  const draw = async (diagram, button) => {
    for (const one of choices.children) one.setAttribute("aria-pressed", one === button);
    note.textContent = described(data, diagram);
    view?.remove();
    container.replaceChildren();
    view = await Bokeh.Plotting.show(plotOf(data, diagram), container);
  };
  const buttons = data.diagrams.map((diagram) => element("button", {type: "button", textContent: NAMES[diagram.kind]}));
  buttons.forEach((button, k) => button.addEventListener("click", () => draw(data.diagrams[k], button)));
  choices.replaceChildren(...buttons);
  choices.hidden = buttons.length < 2;
  // Absolute magnitudes say more of a star; where the candidate has none they say nothing.
  const best = data.diagrams.findLastIndex(({itself}) => itself.length);
  await draw(data.diagrams[Math.max(best, 0)], buttons[Math.max(best, 0)]);
}

function plotOf(data, {x_range: colours, y_range: magnitudes, n_cells: side, cells, counts, y, itself}) {
  const [left, right] = including(colours, itself.map(([colour]) => colour));
  const [bright, faint] = including(magnitudes, itself.map(([, magnitude]) => magnitude));
  const plot = makePlot({
    height: 320, toolbar_location: "above", output_backend: "canvas",
    x_range: new Bokeh.Range1d({start: left, end: right}), y_range: new Bokeh.Range1d({start: faint, end: bright}),
  });
  labelAxes(plot.xaxis, data.x);
  labelAxes(plot.yaxis, y);
  const density = columnSource({image: [], x: [], y: [], dw: [], dh: []});
  addImages(plot, density);
  const at = columnSource({x: itself.map(([colour]) => colour), y: itself.map(([, magnitude]) => magnitude)});
  const candidate = addMarkers(plot, ["x", "y"], at, {size: 15, marker: "star", fill_color: MARKS[1], line_width: 1.2});
  const stars = countsOf({cells, counts, width: side, height: side});
  followColourScheme(plot, (text) => {
    candidate.glyph.line_color = text;
    density.data = {image: [coloured(stars)], x: [colours[0]], y: [magnitudes[0]],
      dw: [colours[1] - colours[0]], dh: [magnitudes[1] - magnitudes[0]]};
  });
  return plot;
}

// What the diagram shows, in words.
function described({catalogue}, {kind, n_stars: n, itself}) {
  const stars = `${n.toLocaleString("en")} stars of its chip in ${catalogue}`;
  const shown = kind === "absolute" ? `${stars} whose parallax is five times its error, without extinction` : stars;
  const has = kind === "absolute" ? "has no such parallax" : "is matched with no single star there";
  return `${shown}: the more, the stronger the colour. ${itself.length ? "The star marks the candidate." : `The candidate itself ${has}.`}`;
}

// A range, enlarged so that it has some values well inside.
function including([low, high], values) {
  const pad = 0.06 * (high - low);
  return [Math.min(low, ...values.map((value) => value - pad)), Math.max(high, ...values.map((value) => value + pad))];
}
