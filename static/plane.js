// The plane of all stars: their density, candidates on it, and a region that makes a list.

import {addImages, coloured, countsOf, valueOf} from "./density.js";
import {byId, element} from "./elements.js";
import {addMarkers, columnSource, followColourScheme, labelAxes, makePlot} from "./plots.js";
import {getJson} from "./server.js";

const REDRAW_MS = 350;  // after the last move of the window, before its stars are counted anew
const MAX_CORNERS = 200, MIN_DISTANCE = 0.004;  // of a lasso; distances in sides of the plot
const STEP = 0.02, FAR_STEP = 0.1, CLOSER = 1.5;  // of the keyboard, in sides of the plot
const MARKERS = [["circle", "●"], ["square", "■"], ["triangle", "▲"], ["diamond", "◆"], ["inverted_triangle", "▼"],
  ["hex", "⬢"], ["star", "★"], ["plus", "+"], ["cross", "×"]];
const KINDS = ["variable", "artifact", "uncertain"];
const count = (n) => n.toLocaleString("en");

// An axis as the server tells it; positions on it are from 0 to 1, evenly as it is drawn.
class Axis {
  constructor({title, is_log: isLog, is_down: isDown, start, end}) {
    Object.assign(this, {title, isLog, isDown, start, end});
  }

  scaled(value) {
    return this.isLog ? Math.log10(value) : value;
  }

  positionOf(value) {
    return (this.scaled(value) - this.scaled(this.start)) / (this.scaled(this.end) - this.scaled(this.start));
  }

  valueAt(position) {
    const scaled = this.scaled(this.start) + position * (this.scaled(this.end) - this.scaled(this.start));
    return this.isLog ? 10 ** scaled : scaled;
  }

  // The ends in the order in which they are drawn.
  get ends() {
    return this.isDown ? [this.end, this.start] : [this.start, this.end];
  }
}

class Plane {
  constructor(container, form, region) {
    Object.assign(this, {container, form, region, view: null, drawn: ""});
    this.region.onChange = () => this.showRegion();
    container.addEventListener("keydown", (event) => this.key(event));
    container.addEventListener("blur", () => this.showCursor(null));
  }

  get query() {
    return new URLSearchParams([...new FormData(this.form)].filter(([, value]) => value));
  }

  // Counts the stars of the form's axes: of a window, or where most are.
  async load(window = {}) {
    const query = this.query;
    for (const [name, value] of Object.entries(window)) query.set(name, value);
    const asked = this.asked = query.toString();
    const data = await getJson(`${this.container.dataset.url}?${asked}`);
    if (asked !== this.asked) return;  // asked for another window meanwhile
    this.data = data;
    this.x = new Axis(data.x);
    this.y = new Axis(data.y);
    this.counts = countsOf({...data, width: data.x.n_cells, height: data.y.n_cells});
    const axes = `${data.x.name} ${data.y.name}`;
    if (this.drawn === axes) this.fill();
    else await this.draw(axes);
    tell(data);
    document.body.dataset.ready = "yes";
  }

  async draw(axes) {
    this.view?.remove();
    this.container.replaceChildren();
    this.drawn = axes;
    const height = Math.max(380, Math.min(640, innerHeight - 330));
    const range = (axis) => {
      const [start, end] = axis.ends;
      return new Bokeh.Range1d({start, end, reset_start: start, reset_end: end});
    };
    this.plot = makePlot({
      height, tools: "pan,box_zoom,wheel_zoom,reset,save", toolbar_location: "above", output_backend: "canvas",
      x_range: range(this.x), y_range: range(this.y),
      x_axis_type: this.x.isLog ? "log" : "linear", y_axis_type: this.y.isLog ? "log" : "linear",
    });
    labelAxes(this.plot.xaxis, this.x.title);
    labelAxes(this.plot.yaxis, this.y.title);
    this.density = columnSource({image: [], x: [], y: [], dw: [], dh: []});
    addImages(this.plot, this.density);
    this.candidates = columnSource({x: [], y: [], id: [], label: [], colour: [], marker: []});
    const points = addMarkers(this.plot, ["x", "y"], this.candidates, {marker: {field: "marker"}, size: 7,
      fill_color: {field: "colour"}, line_color: {field: "colour"}, fill_alpha: 0.75});
    points.nonselection_glyph = null;
    this.plot.add_tools(
      new Bokeh.HoverTool({renderers: [points], tooltips: [["candidate", "@id"], ["class", "@label"]]}),
      new Bokeh.TapTool({renderers: [points], callback: new Bokeh.OpenURL({url: `${this.container.dataset.candidates}@id/`})}),
    );
    this.addRegion();
    this.fill();
    followColourScheme(this.plot, () => this.colour());
    this.view = await Bokeh.Plotting.show(this.plot, this.container);
    for (const end of [this.plot.x_range, this.plot.y_range]) end.change.connect(() => this.moved());
  }

  addRegion() {
    this.outline = columnSource({x: [], y: []});
    this.cross = columnSource({x: [], y: []});
    this.edge = this.plot.patch({field: "x"}, {field: "y"}, {source: this.outline, fill_alpha: 0.18, line_width: 2});
    this.corners = addMarkers(this.plot, ["x", "y"], this.outline, {marker: "square", size: 5});
    this.cursor = addMarkers(this.plot, ["x", "y"], this.cross, {marker: "cross", size: 26, line_width: 2});
    // Of no layer: it is the form of the lasso that counts, not what is selected.
    const lasso = new Bokeh.LassoSelectTool({renderers: [], continuous: false});
    this.plot.add_tools(lasso);
    if (!matchMedia("(pointer: coarse)").matches) this.plot.toolbar.active_drag = lasso;
    this.plot.on_event("selectiongeometry", ({geometry, final}) => {
      if (geometry.type === "poly" && final !== false) this.region.set(this.thinned(geometry));
    });
    this.showRegion();
  }

  // A lasso's corners that are apart from one another, as few as a list takes.
  thinned({x, y}) {
    const corners = Array.from(x, (value, k) => [value, y[k]]).filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
    const place = ([a, b]) => [this.x.positionOf(a), this.y.positionOf(b)];
    const apart = [];
    for (const corner of corners) {
      const [a, b] = place(corner), [c, d] = apart.length ? place(apart.at(-1)) : [Infinity, Infinity];
      if (Math.hypot(a - c, b - d) > MIN_DISTANCE) apart.push(corner);
    }
    const every = Math.ceil(apart.length / MAX_CORNERS);
    return apart.filter((_, k) => k % every === 0);
  }

  fill() {
    const {x, y} = this;
    this.density.data = {image: [coloured(this.counts)], x: [x.start], y: [y.start], dw: [x.end - x.start], dh: [y.end - y.start]};
    const columns = {x: [], y: [], id: [], label: [], colour: [], marker: []};
    const legend = this.data.candidates.map(({label, kind, rows}, k) => {
      const [marker, sign] = MARKERS[k % MARKERS.length];
      const name = `--kind-${KINDS.includes(kind) ? kind : "none"}`, colour = valueOf(name);
      for (const [id, ...place] of rows) {
        columns.x.push(place[0]);
        columns.y.push(place[1]);
        columns.id.push(String(id));
        columns.label.push(label);
        columns.colour.push(colour);
        columns.marker.push(marker);
      }
      const mark = element("span", {textContent: sign, ariaHidden: "true"});
      mark.style.color = `var(${name})`;
      return element("li", {}, mark, ` ${label} ${count(rows.length)}`);
    });
    this.candidates.data = columns;
    byId("plane-legend").replaceChildren(...legend);
    this.showRegion();
  }

  // By day or by night.
  colour() {
    const [line, mark] = ["--text", "--mark"].map(valueOf);
    this.edge.glyph.fill_color = mark;
    for (const {glyph} of [this.edge, this.corners, this.cursor]) glyph.line_color = glyph === this.cursor.glyph ? line : mark;
    this.corners.glyph.fill_color = mark;
    this.fill();
  }

  get window() {
    const {x_range: x, y_range: y} = this.plot;
    return {x_from: x.start, x_to: x.end, y_from: y.start, y_to: y.end};
  }

  moved() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => guarded(() => this.load(this.window)), REDRAW_MS);
  }

  closer(factor) {
    for (const [range, isLog] of [[this.plot.x_range, this.x.isLog], [this.plot.y_range, this.y.isLog]]) {
      const [a, b] = [range.start, range.end].map((v) => (isLog ? Math.log10(v) : v));
      const middle = (a + b) / 2, half = (b - a) / 2 / factor;
      const [start, end] = [middle - half, middle + half].map((v) => (isLog ? 10 ** v : v));
      range.setv({start, end});
    }
  }

  showRegion() {
    if (!this.plot) return;
    const {corners} = this.region;
    this.outline.data = {x: corners.map(([x]) => x), y: corners.map(([, y]) => y)};
    this.region.tell(this.estimate());
  }

  // About how many stars are inside, by the cells of the density whose middles are.
  estimate() {
    const corners = this.region.corners.map(([x, y]) => [this.x.positionOf(x), this.y.positionOf(y)]);
    if (corners.length < 3) return 0;
    const {values, width, height} = this.counts;
    let sum = 0;
    values.forEach((n, k) => {
      if (n && isInside((k % width + 0.5) / width, (Math.floor(k / width) + 0.5) / height, corners)) sum += n;
    });
    return sum;
  }

  key(event) {
    const step = event.shiftKey ? FAR_STEP : STEP;
    const up = this.y.isDown ? -step : step, right = this.x.isDown ? -step : step;
    const actions = {
      ArrowLeft: () => this.move(-right, 0), ArrowRight: () => this.move(right, 0),
      ArrowUp: () => this.move(0, up), ArrowDown: () => this.move(0, -up),
      Enter: () => this.at && this.region.set([...this.region.corners, this.corner]),
      Backspace: () => this.region.set(this.region.corners.slice(0, -1)),
      Escape: () => this.region.set([]),
      "+": () => this.closer(CLOSER), "-": () => this.closer(1 / CLOSER),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.container || !(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  move(dx, dy) {
    const [x, y] = this.at ?? [0.5, 0.5];
    const within = (value) => Math.min(Math.max(value, 0), 1);
    this.showCursor([within(x + dx), within(y + dy)]);
  }

  get corner() {
    return [this.x.valueAt(this.at[0]), this.y.valueAt(this.at[1])];
  }

  showCursor(at) {
    this.at = at;
    if (!this.plot) return;
    const place = at ? this.corner : null;
    this.cross.data = place ? {x: [place[0]], y: [place[1]]} : {x: [], y: []};
    byId("readout").textContent = place ? place.map(written).join(", ") : "";
  }
}

const written = (value) => String(Number(value.toPrecision(5)));

// By the number of edges that are crossed on the way out.
function isInside(x, y, corners) {
  let inside = false;
  corners.forEach(([x1, y1], k) => {
    const [x2, y2] = corners[(k + 1) % corners.length];
    if ((y1 > y) !== (y2 > y) && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  });
  return inside;
}

// The corners of what was drawn or typed, in the units of the axes; people who may not make lists
// have no form for it, but may draw.
class Region {
  constructor(form) {
    this.form = form;
    this.corners = [];
    this.onChange = () => {};
    this.field = form?.querySelector("#corners");
    this.field?.addEventListener("input", () => this.read());
    form?.querySelector("#clear").addEventListener("click", () => this.set([]));
  }

  set(corners) {
    this.corners = corners;
    if (this.field) this.field.value = corners.map((corner) => corner.map(written).join(",")).join(" ");
    this.onChange();
  }

  read() {
    const numbers = this.field.value.split(/[\s,;]+/).filter(Boolean).map(Number);
    const isWhole = numbers.length % 2 === 0 && numbers.every(Number.isFinite);
    this.corners = isWhole ? numbers.flatMap((x, k) => (k % 2 ? [] : [[x, numbers[k + 1]]])) : [];
    this.onChange();
  }

  tell(n) {
    const note = byId("inside");
    if (!note) return;
    const few = this.corners.length ? "A region has three corners or more." : "Nothing is drawn yet.";
    note.textContent = this.corners.length < 3 ? few : `About ${count(n)} of the stars that are shown are inside.`;
  }
}

// What is drawn, in words.
function tell({n_stars: all, n_shown: shown, n_catalogues: catalogues, candidates, n_candidates: accepted}) {
  const drawn = candidates.reduce((sum, {rows}) => sum + rows.length, 0);
  const stars = shown === all ? `${count(all)} stars` : `${count(shown)} of ${count(all)} stars`;
  byId("plane-note").textContent = `${stars} of ${count(catalogues)} ${catalogues === 1 ? "catalogue" : "catalogues"}: the more of them, the stronger the colour. ` +
    `Marks: ${drawn === accepted ? count(drawn) : `${count(drawn)} of ${count(accepted)}`} candidates.`;
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    byId("plane-note").textContent = `This could not be loaded: ${error.message}.`;
    console.warn(error);
  }
}

const container = byId("plane");
if (container) {
  const form = byId("plane-form"), lists = byId("list-form");
  const plane = new Plane(container, form, new Region(lists));
  await guarded(() => plane.load());
}
