// The place of a candidate among the published stars of its field, small: colour and magnitude, or
// absolute magnitude where its parallax is good.

import {countsOf, valueOf} from "./density.js";
import {element} from "./elements.js";
import {drawSign} from "./curve-signs.js";
import {getJson} from "./server.js";
import {steps} from "./steps.js";

const MARGIN = {left: 26, right: 6, top: 20, bottom: 30};
const fields = new Map();  // what was fetched: of a field one diagram for all its candidates

// Fetches the diagram of a card's field ahead of its use; null where there is none.
export function preloadDiagram({diagram}) {
  if (!diagram) return null;
  const {field, url} = diagram;
  if (!fields.has(field)) fields.set(field, getJson(url).then(({published}) => published, () => null));
  return fields.get(field);
}

export class ColourMagnitude {
  constructor(container) {
    this.container = container;
    this.canvas = element("canvas", {role: "img"});
    container.append(this.canvas);
    new ResizeObserver(() => this.draw()).observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // Another card: nothing is shown where its star has no published colour.
  async show(card) {
    this.card = card;
    const place = card.diagram;
    this.container.hidden = !place || place.colour === null;
    if (this.container.hidden) return;
    const field = await preloadDiagram(card);
    if (this.card !== card) return;
    const kind = place.absolute === null ? "apparent" : "absolute";
    this.chosen = field?.diagrams.find((one) => one.kind === kind) ?? field?.diagrams[0];
    this.container.hidden = !this.chosen;
    if (this.container.hidden) return;
    this.axis = field.x;
    const mag = this.chosen.kind === "absolute" ? place.absolute : place.mag;
    this.itself = mag === null ? null : [place.colour, mag];
    this.canvas.setAttribute("aria-label", `${this.chosen.y} and ${field.x} of ${this.chosen.n_stars} published stars of its field${this.itself ? `; the candidate at ${this.itself.map((one) => one.toFixed(2)).reverse().join(" and ")}` : ""}`);
    this.draw();
  }

  draw() {
    const {clientWidth: width, clientHeight: height} = this.container, scale = devicePixelRatio;
    if (this.container.hidden || !this.chosen || !width || !height) return;
    Object.assign(this.canvas, {width: width * scale, height: height * scale});
    const pen = this.canvas.getContext("2d"), {left, right, top, bottom} = MARGIN;
    pen.scale(scale, scale);
    const [colours, mags] = [this.chosen.x_range, this.chosen.y_range];
    const across = (colour) => left + (width - left - right) * (colour - colours[0]) / (colours[1] - colours[0]);
    const down = (mag) => top + (height - top - bottom) * (mag - mags[0]) / (mags[1] - mags[0]);
    this.drawStars(pen, across, down);
    this.drawAxes(pen, across, down, {width, height});
    if (!this.itself) return;
    const inside = ([x, y]) => [Math.max(left, Math.min(width - right, x)), Math.max(top, Math.min(height - bottom, y))];
    const [x, y] = inside([across(this.itself[0]), down(this.itself[1])]);
    Object.assign(pen, {fillStyle: valueOf("--mark-2"), strokeStyle: valueOf("--text"), lineWidth: 1.2});
    drawSign(pen, "star", x, y, 7);
    pen.stroke();
  }

  drawStars(pen, across, down) {
    const {n_cells: side, cells, counts, x_range: [x0, x1], y_range: [y0, y1]} = this.chosen;
    const {values} = countsOf({cells, counts, width: side, height: side});
    const most = Math.log1p(Math.max(...counts)), stepX = (x1 - x0) / side, stepY = (y1 - y0) / side;
    const [wide, high] = [across(x0 + stepX) - across(x0), down(y0 + stepY) - down(y0)];
    pen.fillStyle = valueOf("--density-2");
    for (const cell of cells) {
      pen.globalAlpha = 0.2 + 0.8 * Math.log1p(values[cell]) / most;
      pen.fillRect(across(x0 + (cell % side) * stepX), down(y0 + Math.floor(cell / side) * stepY), Math.max(wide, 1), Math.max(high, 1));
    }
    pen.globalAlpha = 1;
  }

  drawAxes(pen, across, down, {width, height}) {
    const {left, right, top, bottom} = MARGIN, {x_range: colours, y_range: mags} = this.chosen;
    pen.font = "11px system-ui, sans-serif";
    Object.assign(pen, {strokeStyle: valueOf("--line"), fillStyle: valueOf("--text"), textAlign: "center", textBaseline: "top", lineWidth: 1});
    pen.strokeRect(left, top, width - left - right, height - top - bottom);
    for (const [at, text] of steps(...colours, 3)) pen.fillText(text, across(at), height - bottom + 4);
    Object.assign(pen, {textAlign: "right", textBaseline: "middle"});
    for (const [at, text] of steps(...mags, 4)) pen.fillText(text, left - 3, down(at));
    Object.assign(pen, {textAlign: "center", textBaseline: "bottom", fillStyle: valueOf("--faint")});
    pen.fillText(this.axis, (left + width - right) / 2, height);
    Object.assign(pen, {textAlign: "left", textBaseline: "middle"});
    pen.fillText(this.chosen.y, left, 10);
  }
}
