// Variables by class in a diagram of two quantities, over the density of stars where there is one.

import {drawSign} from "./curve-signs.js";
import {countsOf, valueOf} from "./density.js";
import {byId, element} from "./elements.js";
import {getJson} from "./server.js";
import {steps} from "./steps.js";

const SIGNS = ["disc", "triangle", "square", "star", "diamond", "cross", "hexagon", "upturned"];
const MARKS = ["--mark-1", "--mark-2", "--mark-3"];
const MARGIN = {left: 56, right: 12, top: 12, bottom: 42}, SIZE = 4.2, NEAR = 12;
const BEYOND = 0.005;  // share of points left out at either end, so that a few don't press all others together
const count = (n) => n.toLocaleString("en");

class Diagram {
  constructor(container) {
    Object.assign(this, {container, hidden: new Set(), chosen: null});
    this.canvas = element("canvas", {ariaHidden: "true"});
    container.append(this.canvas);
    new ResizeObserver(() => this.draw()).observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.tellClasses(); this.draw(); });
    container.addEventListener("pointermove", ({offsetX, offsetY}) => this.choose(this.nearest(offsetX, offsetY)));
    container.addEventListener("click", ({offsetX, offsetY}) => this.open(this.nearest(offsetX, offsetY)));
    container.addEventListener("keydown", (event) => this.key(event));
  }

  async load() {
    this.data = await getJson(this.container.dataset.url);
    const {groups, is_log: isLog} = this.data;
    this.points = groups.flatMap(({label, points}, group) => points.map(([id, x, y]) => ({id, label, group, x: isLog ? Math.log10(x) : x, y})));
    this.setRanges();
    this.tell();
    this.tellClasses();
    this.draw();
    document.body.dataset.ready = "yes";
  }

  // Of nearly all points, and of the stars below them.
  setRanges() {
    const {background} = this.data;
    const range = (values, below) => {
      const sorted = values.toSorted((a, b) => a - b), at = (share) => sorted[Math.round(share * (sorted.length - 1))];
      const ends = [...(sorted.length ? [at(BEYOND), at(1 - BEYOND)] : []), ...(below ?? [])];
      const [low, high] = ends.length ? [Math.min(...ends), Math.max(...ends)] : [0, 1];
      const pad = Math.max(0.05 * (high - low), 0.02);
      return [low - pad, high + pad];
    };
    this.x = range(this.points.map(({x}) => x), background?.x_range);
    this.y = range(this.points.map(({y}) => y), background?.y_range);
  }

  tell() {
    const {n, is_exact: isExact, n_looked_at: looked, background} = this.data, drawn = this.points.length;
    const all = `${isExact ? "" : "about "}${count(n)}`;
    const whose = looked < n ? `The first ${count(looked)} of ${all} in the order of the list; ` : "";
    const known = drawn < looked ? `${count(drawn)} of ${count(looked)} have both quantities and a class that you may know. ` : "";
    const below = background ? `Below them ${count(background.n_stars)} stars of ${background.n_references} reference${background.n_references === 1 ? "" : "s"} with most of these.` : "";
    byId("diagram-note").textContent = n ? `${whose}${count(drawn)} variables. ${known}${below}` : "No candidate has both quantities and a class that you may know.";
  }

  tellClasses() {
    byId("diagram-legend").replaceChildren(...this.data.groups.map(({label, points}, group) => {
      const sign = element("canvas", {width: 18, height: 18, ariaHidden: "true"});
      this.sign(sign.getContext("2d"), group, 9, 9, 6);
      const button = element("button", {type: "button", className: "quiet", ariaPressed: String(!this.hidden.has(group))}, sign, ` ${label} ${count(points.length)}`);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(group)) this.hidden.add(group);
        this.tellClasses();
        this.draw();
        byId("diagram-legend").querySelectorAll("button")[group].focus();
      });
      return element("li", {}, button);
    }));
  }

  sign(pen, group, x, y, size) {
    pen.fillStyle = valueOf(MARKS[group % MARKS.length]);
    drawSign(pen, SIGNS[group % SIGNS.length], x, y, size);
    Object.assign(pen, {strokeStyle: valueOf("--card"), lineWidth: 0.8});
    pen.stroke();
  }

  draw() {
    const {clientWidth: width, clientHeight: height} = this.container, scale = devicePixelRatio, {left, right, top, bottom} = MARGIN;
    if (!this.data || !width || !height) return;
    Object.assign(this.canvas, {width: width * scale, height: height * scale});
    const pen = this.pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    this.across = (x) => left + (width - left - right) * (x - this.x[0]) / (this.x[1] - this.x[0]);
    const downward = (y) => (y - this.y[0]) / (this.y[1] - this.y[0]);
    this.down = (y) => top + (height - top - bottom) * (this.data.is_down ? downward(y) : 1 - downward(y));
    if (this.data.background) this.drawStars(this.data.background);
    this.drawAxes({width, height});
    const within = ([x, y]) => [Math.max(left, Math.min(width - right, x)), Math.max(top, Math.min(height - bottom, y))];
    this.shown = this.points.filter(({group}) => !this.hidden.has(group));
    for (const point of this.shown) {
      [point.left, point.top] = within([this.across(point.x), this.down(point.y)]);
      this.sign(pen, point.group, point.left, point.top, SIZE);
    }
    if (this.chosen && !this.hidden.has(this.chosen.group)) this.ring(this.chosen);
  }

  drawStars({n_cells: side, cells, counts, x_range: [x0, x1], y_range: [y0, y1]}) {
    const {pen} = this, {values} = countsOf({cells, counts, width: side, height: side});
    const most = Math.log1p(counts.reduce((a, b) => Math.max(a, b), 1)), stepX = (x1 - x0) / side, stepY = (y1 - y0) / side;
    const wide = this.across(x0 + stepX) - this.across(x0), high = Math.abs(this.down(y0 + stepY) - this.down(y0));
    pen.fillStyle = valueOf("--faint");
    for (const cell of cells) {
      pen.globalAlpha = 0.08 + 0.42 * Math.log1p(values[cell]) / most;
      const y = y0 + Math.floor(cell / side) * stepY;
      pen.fillRect(this.across(x0 + (cell % side) * stepX), Math.min(this.down(y), this.down(y + stepY)), Math.max(wide, 1), Math.max(high, 1));
    }
    pen.globalAlpha = 1;
  }

  drawAxes({width, height}) {
    const {pen} = this, {left, right, top, bottom} = MARGIN, {x, y, is_log: isLog} = this.data;
    Object.assign(pen, {font: "12px system-ui, sans-serif", strokeStyle: valueOf("--line"), fillStyle: valueOf("--text"), lineWidth: 1, textAlign: "center", textBaseline: "top"});
    pen.strokeRect(left, top, width - left - right, height - top - bottom);
    const ticks = isLog ? decades(this.x) : steps(...this.x, width / 110);
    for (const [at, text] of ticks) this.line(this.across(at), top, this.across(at), height - bottom, text, [this.across(at), height - bottom + 5]);
    Object.assign(pen, {textAlign: "right", textBaseline: "middle"});
    for (const [at, text] of steps(...this.y, height / 60)) this.line(left, this.down(at), width - right, this.down(at), text, [left - 6, this.down(at)]);
    Object.assign(pen, {textAlign: "center", textBaseline: "bottom", fillStyle: valueOf("--faint")});
    pen.fillText(x, (left + width - right) / 2, height - 2);
    pen.save();
    pen.translate(4, (top + height - bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.textBaseline = "top";
    pen.fillText(y, 0, 0);
    pen.restore();
  }

  line(x1, y1, x2, y2, text, place) {
    const {pen} = this;
    pen.beginPath();
    pen.moveTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    pen.lineTo(Math.round(x2) + 0.5, Math.round(y2) + 0.5);
    pen.stroke();
    pen.fillText(text, ...place);
  }

  ring({left, top}) {
    Object.assign(this.pen, {strokeStyle: valueOf("--text"), lineWidth: 2.5});
    this.pen.beginPath();
    this.pen.arc(left, top, 10, 0, 7);
    this.pen.stroke();
  }

  nearest(x, y) {
    const away = (point) => Math.hypot(point.left - x, point.top - y);
    const best = (this.shown ?? []).reduce((a, b) => (a && away(a) <= away(b) ? a : b), null);
    return best && away(best) <= NEAR ? best : null;
  }

  choose(point) {
    if (!this.data || point === this.chosen) return;
    this.chosen = point;
    this.container.style.cursor = point ? "pointer" : "default";
    const x = point && (this.data.is_log ? 10 ** point.x : point.x);
    byId("diagram-readout").textContent = point ? `${point.id}, ${point.label}: ${this.data.x} ${Number(x.toPrecision(5))}, ${this.data.y} ${Number(point.y.toPrecision(4))}` : "";
    this.draw();
  }

  open(point) {
    if (point) location.assign(`${this.container.dataset.candidates}${point.id}/`);
  }

  key(event) {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !this.shown?.length || !(step || event.key === "Enter")) return;
    event.preventDefault();
    if (!step) return this.open(this.chosen);
    const order = this.shown.toSorted((a, b) => a.x - b.x), at = order.indexOf(this.chosen);
    return this.choose(order[at < 0 ? 0 : (at + step + order.length) % order.length]);
  }
}

// Powers of ten, or 1, 2 and 5 of each where there are few.
function decades([low, high]) {
  const factors = high - low < 3 ? [1, 2, 5] : [1];
  const powers = Array.from({length: Math.ceil(high) - Math.floor(low) + 1}, (_, k) => 10 ** (Math.floor(low) + k));
  return powers.flatMap((power) => factors.map((factor) => factor * power)).map((value) => [Math.log10(value), String(Number(value.toPrecision(3)))])
    .filter(([at]) => at >= low && at <= high);
}

const container = byId("diagram");
if (container) {
  try {
    await new Diagram(container).load();
  } catch (error) {
    byId("diagram-note").textContent = `This could not be loaded: ${error.message}.`;
    console.warn(error);
  }
}
