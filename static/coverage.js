// The survey on the sky: outlines of exposures over how often each place was visited, or over the density
// of stars; chips where one looks closer.

import {valueOf} from "./density.js";
import {byId, element} from "./elements.js";
import {PolygonCounts} from "./polygon-counts.js";
import {getJson} from "./server.js";
import {SkyView, anglesOf, isInPolygon, offsetFrom, toEquatorial, toGalactic, vectorOf} from "./sky-view.js";

const LEVELS = [1, 3, 10, 30, 100];  // visits, from which on the next colour begins
const CELL = 2;  // pixels in which visits are counted
const CHIPS_BELOW = 5, FETCH_MS = 300;  // degrees across, and after the last move
const STEP = 0.1, FAR_STEP = 0.4, CLOSER = 1.5, MAX_LISTED = 60, CLICK_PIXELS = 4;
const MARGIN_DEGREES = 3;
const GRID = [45, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1];
const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const pairs = (corners) => [0, 2, 4, 6].map((k) => vectorOf(corners[k], corners[k + 1]));

class Coverage {
  constructor(container, form) {
    Object.assign(this, {container, form, view: new SkyView(), chips: null, asked: ""});
    this.canvas = element("canvas", {ariaHidden: "true"});
    container.append(this.canvas);
    new ResizeObserver(() => this.resize()).observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    form.addEventListener("change", () => this.changed());
    form.addEventListener("submit", (event) => event.preventDefault());
    container.addEventListener("keydown", (event) => this.key(event));
    container.addEventListener("wheel", (event) => this.wheel(event), {passive: false});
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      container.addEventListener(name, (event) => this[name](event));
    }
    byId("closer").addEventListener("click", () => this.closer(CLOSER));
    byId("farther").addEventListener("click", () => this.closer(1 / CLOSER));
    byId("whole").addEventListener("click", () => this.showAll());
  }

  async load() {
    const data = await getJson(this.container.dataset.exposures);
    this.filters = data.filters;
    this.cellDegrees = data.cell_degrees;
    this.isCut = data.is_cut;
    this.cells = data.cells;
    this.exposures = data.exposures.map(([id, name, mjd, ra, dec, filter, camera, references]) => {
      const outline = data.outlines[camera];
      const polygons = outline ? [outline.map((offset) => offsetFrom([ra, dec], ...offset))] : (data.others[id] ?? []).map(pairs);
      return {id, name, mjd, ra, dec, filter, references, polygons};
    });
    this.changed();
    this.showAll();
  }

  get frame() {
    return new FormData(this.form).get("frame") || "galactic";
  }

  get isOfStars() {
    return new FormData(this.form).get("colour") === "stars";
  }

  // Of the form: which exposures are shown, and in which frame. The place that is seen stays.
  changed() {
    if (!this.exposures) return;
    const middle = this.shownFrame && this.shownToEquatorial(this.view.centre);
    this.shownFrame = this.frame;
    this.toShown = this.frame === "galactic" ? toGalactic : (vector) => vector;
    this.shownToEquatorial = this.frame === "galactic" ? toEquatorial : (vector) => vector;
    const chosen = new FormData(this.form).getAll("filter");
    this.chosen = new Set(this.filters.flatMap((name, k) => (!chosen.length || chosen.includes(name) ? [k] : [])));
    this.shown = this.exposures.filter(({filter}) => this.chosen.has(filter));
    for (const exposure of this.exposures) exposure.seen = exposure.polygons.map((polygon) => polygon.map(this.toShown));
    this.stars = this.starCells();
    this.chips = null;
    this.asked = "";
    if (middle) this.view.look(...anglesOf(this.toShown(middle)), this.view.degrees);
    this.tell();
    this.moved();
  }

  // Cells of the sky with the density of stars in the filter that has most of them.
  starCells() {
    const densest = new Map();
    for (const [row, column, filter, density] of this.cells) {
      if (!this.chosen.has(filter)) continue;
      const key = `${row} ${column}`;
      if (density > (densest.get(key)?.density ?? 0)) densest.set(key, {row, column, density});
    }
    const side = this.cellDegrees;
    return [...densest.values()].map(({row, column, density}) => {
      const south = row * side - 90, columns = Math.max(1, Math.round(360 / side * Math.cos((south + side / 2) * Math.PI / 180)));
      const [west, east] = [column * 360 / columns, (column + 1) * 360 / columns];
      return {density, seen: [[west, south], [east, south], [east, south + side], [west, south + side]].map((corner) => this.toShown(vectorOf(...corner)))};
    });
  }

  tell() {
    const references = this.shown.filter((one) => one.references).length;
    byId("coverage-note").textContent = this.exposures.length
      ? `${count(this.shown.length, "exposure")}${this.isCut ? ", the newest of more," : ""} of which ${count(references, "reference")}.`
      : "There is no exposure yet.";
  }

  resize() {
    this.view.resize(this.container.clientWidth, this.container.clientHeight);
    this.draw();
  }

  // So that all that is chosen is seen.
  showAll() {
    const all = (this.shown.length ? this.shown : this.exposures).map(({ra, dec}) => this.toShown(vectorOf(ra, dec)));
    if (!all.length) return this.draw();
    const sum = [0, 1, 2].map((k) => all.reduce((total, vector) => total + vector[k], 0));
    const length = Math.hypot(...sum) || 1, middle = sum.map((one) => one / length);
    const farthest = Math.max(...all.map((v) => Math.acos(Math.max(-1, Math.min(1, v[0] * middle[0] + v[1] * middle[1] + v[2] * middle[2])))));
    this.view.look(...anglesOf(middle), 2 * farthest * 180 / Math.PI + MARGIN_DEGREES);
    // By how much the farthest is beyond an edge, or short of it.
    const {width, height, scale} = this.view, margin = MARGIN_DEGREES / 2 * Math.PI / 180 * scale;
    const shares = all.map((vector) => this.view.place(vector) ?? [0, 0]).map(([x, y]) => Math.max((Math.abs(x - width / 2) + margin) / (width / 2), (Math.abs(y - height / 2) + margin) / (height / 2)));
    this.view.scaleTo(this.view.degrees * Math.max(...shares));
    return this.moved();
  }

  closer(factor) {
    this.view.scaleTo(this.view.degrees / factor);
    this.moved();
  }

  // ``right`` and ``down`` in pixels: what is there comes into the middle.
  move(right, down) {
    const vector = this.view.vectorAt(this.view.width / 2 + right, this.view.height / 2 + down);
    if (!vector) return;
    this.view.look(...anglesOf(vector), this.view.degrees);
    this.moved();
  }

  moved() {
    this.draw();
    clearTimeout(this.timer);
    if (this.view.degrees < CHIPS_BELOW) this.timer = setTimeout(() => guarded(() => this.loadChips()), FETCH_MS);
  }

  async loadChips() {
    const [ra, dec] = anglesOf(this.shownToEquatorial(this.view.centre));
    const query = new URLSearchParams({ra: ra.toFixed(3), dec: dec.toFixed(3), radius: Math.min(6, this.view.radius + 0.3).toFixed(2)});
    for (const k of this.chosen) query.append("filter", this.filters[k]);
    const asked = this.asked = query.toString();
    const {chips, is_cut: isCut} = await getJson(`${this.container.dataset.chips}?${asked}`);
    if (asked !== this.asked) return;
    const byExposure = new Map(this.exposures.map((one) => [one.id, one]));
    this.chips = isCut ? null : chips.map(([id, exposure, name, isReference, density, corners]) => {
      const polygon = pairs(corners);
      return {id, exposure: byExposure.get(exposure), name, isReference, density, seen: polygon.map(this.toShown)};
    }).filter(({exposure}) => exposure);
    byId("coverage-readout").textContent = isCut ? "Too many chips to draw each: choose a filter, or look closer." : "";
    this.draw();
  }

  draw() {
    const {width, height} = this.view, scale = devicePixelRatio;
    if (!this.exposures || !width || !height) return;
    Object.assign(this.canvas, {width: width * scale, height: height * scale});
    const pen = this.pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    this.drawGrid();
    const areas = this.areas();
    if (this.isOfStars) this.drawStars();
    else this.drawVisits(areas);
    this.drawOutlines(areas);
    this.drawLabels();
    this.drawMiddle();
    document.body.dataset.ready = "yes";
  }

  get isOfChips() {
    return this.chips !== null && this.view.degrees < CHIPS_BELOW;
  }

  // What is outlined: points of each polygon on the picture, and whether it is of a reference.
  areas() {
    const all = this.isOfChips
      ? this.chips.map(({seen, isReference}) => [seen, isReference])
      : this.shown.flatMap(({seen, references}) => seen.map((polygon) => [polygon, references > 0]));
    return all.map(([polygon, isReference]) => ({points: this.pointsOf(polygon), isReference})).filter(({points}) => points);
  }

  // null where a polygon is out of sight.
  pointsOf(polygon) {
    const points = polygon.map((vector) => this.view.place(vector)), {width, height} = this.view;
    if (points.includes(null)) return null;
    const [xs, ys] = [0, 1].map((k) => points.map((point) => point[k]));
    const isSeen = Math.max(...xs) > 0 && Math.min(...xs) < width && Math.max(...ys) > 0 && Math.min(...ys) < height;
    return isSeen ? points : null;
  }

  drawVisits(areas) {
    const counts = new PolygonCounts(this.view.width, this.view.height, CELL);
    for (const {points} of areas) counts.add(points);
    const picture = new ImageData(counts.columns, counts.rows), colours = LEVELS.map((_, k) => rgb(valueOf(`--level-${k + 1}`)));
    counts.values.forEach((n, k) => {
      if (n) picture.data.set([...colours[LEVELS.findLastIndex((from) => n >= from)], 255], 4 * k);
    });
    const layer = element("canvas", {width: counts.columns, height: counts.rows});
    layer.getContext("2d").putImageData(picture, 0, 0);
    this.pen.drawImage(layer, 0, 0, counts.columns * CELL, counts.rows * CELL);
    const words = LEVELS.map((from, k) => (k + 1 < LEVELS.length ? (LEVELS[k + 1] - from > 1 ? `${from} to ${LEVELS[k + 1] - 1}` : `${from}`) : `${from} and more`));
    this.tellColours("Visits:", words);
  }

  drawStars() {
    const cells = this.isOfChips ? this.chips.filter(({isReference, density}) => isReference && density) : this.stars;
    const densities = cells.map(({density}) => density).sort((a, b) => a - b);
    const bounds = [...new Set([0.2, 0.4, 0.6, 0.8].map((share) => densities[Math.floor(share * densities.length)]))];
    for (const {seen, density} of cells) {
      const points = this.pointsOf(seen);
      if (!points) continue;
      this.pen.fillStyle = valueOf(`--level-${1 + bounds.filter((bound) => density >= bound).length}`);
      this.trace(points);
      this.pen.fill();
    }
    if (!densities.length) return this.tellColours("No reference is measured in these filters.", []);
    const ends = bounds.map((one) => one.toPrecision(3));
    return this.tellColours("Stars in a square arcminute:", [`below ${ends[0]}`, ...ends.map((end, k) => (k + 1 < ends.length ? `${end} to ${ends[k + 1]}` : `${end} and more`))]);
  }

  tellColours(title, words) {
    const marks = words.map((word, k) => element("span", {className: `level-${k + 1}`}, word));
    const lines = ["reference", "exposure"].map((name) => element("span", {className: `line-${name}`}, name));
    byId("coverage-legend").replaceChildren(title, " ", ...marks, ...lines);
  }

  trace(points) {
    this.pen.beginPath();
    points.forEach(([x, y], k) => (k ? this.pen.lineTo(x, y) : this.pen.moveTo(x, y)));
    this.pen.closePath();
  }

  drawOutlines(areas) {
    const {pen} = this;
    // Many on top of one another would be a blot: the fainter, the more there are.
    pen.globalAlpha = Math.max(0.25, 1 - areas.length / 1000);
    Object.assign(pen, {strokeStyle: valueOf("--text"), lineWidth: 1});
    for (const {points, isReference} of areas) if (!isReference) { this.trace(points); pen.stroke(); }
    pen.globalAlpha = 1;
    Object.assign(pen, {strokeStyle: valueOf("--mark-2"), lineWidth: 2});
    for (const {points, isReference} of areas) if (isReference) { this.trace(points); pen.stroke(); }
  }

  // Lines of equal longitude and latitude.
  drawGrid() {
    const {pen, view} = this, step = GRID.find((one) => view.degrees / one >= 4) ?? GRID.at(-1);
    const reach = Math.min(90, view.radius), fine = reach / 40;
    const [south, north] = [Math.max(-90, view.latitude - reach), Math.min(90, view.latitude + reach)];
    const stretch = Math.cos(Math.min(89, Math.max(Math.abs(south), Math.abs(north))) * Math.PI / 180);
    const half = Math.min(180, reach / stretch), [first, last] = [view.longitude - half, view.longitude + half];
    this.labels = [];
    Object.assign(pen, {strokeStyle: valueOf("--line"), lineWidth: 1});
    for (let b = Math.ceil(south / step) * step; b <= north; b += step) {
      this.drawLine(range(first, last, fine).map((l) => vectorOf(l, b)));
      this.labels.push([vectorOf(view.longitude, b), `${Number(b.toFixed(2))}°`.replace("-", "−"), "latitude"]);
    }
    for (let l = Math.ceil(first / step) * step; l < last; l += step) {
      this.drawLine(range(south, north, fine).map((b) => vectorOf(l, b)));
      this.labels.push([vectorOf(l, view.latitude), `${Number((((l % 360) + 360) % 360).toFixed(2))}°`, "longitude"]);
    }
  }

  drawLine(vectors) {
    let isDown = false;
    this.pen.beginPath();
    for (const vector of vectors) {
      const point = this.view.place(vector);
      if (point && isDown) this.pen.lineTo(...point);
      else if (point) this.pen.moveTo(...point);
      isDown = point !== null;
    }
    this.pen.stroke();
  }

  drawLabels() {
    const {pen, view} = this;
    Object.assign(pen, {fillStyle: valueOf("--text"), strokeStyle: valueOf("--page"), lineWidth: 3, font: "12px system-ui, sans-serif"});
    for (const [vector, text, kind] of this.labels) {
      const point = view.place(vector);
      if (!point) continue;
      const [x, y] = kind === "latitude" ? [5, point[1] - 3] : [point[0] + 3, view.height - 6];
      if (x < 0 || x > view.width - 30 || y < 12 || y > view.height) continue;
      pen.strokeText(text, x, y);
      pen.fillText(text, x, y);
    }
  }

  drawMiddle() {
    if (document.activeElement !== this.container) return;
    const {pen, view: {width, height}} = this;
    Object.assign(pen, {strokeStyle: valueOf("--text"), lineWidth: 1.5});
    pen.beginPath();
    for (const [dx, dy] of [[9, 0], [0, 9]]) {
      pen.moveTo(width / 2 - dx, height / 2 - dy);
      pen.lineTo(width / 2 + dx, height / 2 + dy);
    }
    pen.stroke();
  }

  key(event) {
    const step = (event.shiftKey ? FAR_STEP : STEP) * this.view.width;
    const actions = {
      ArrowLeft: () => this.move(-step, 0), ArrowRight: () => this.move(step, 0),
      ArrowUp: () => this.move(0, -step), ArrowDown: () => this.move(0, step),
      "+": () => this.closer(CLOSER), "-": () => this.closer(1 / CLOSER), 0: () => this.showAll(),
      Enter: () => this.list(this.view.centre),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  wheel(event) {
    event.preventDefault();
    const before = this.vectorAt(event);
    this.view.scaleTo(this.view.degrees * 1.0015 ** event.deltaY);
    const place = before && this.view.place(before);
    if (place) this.move(place[0] - event.offsetX, place[1] - event.offsetY);
    else this.moved();
  }

  vectorAt(event) {
    return this.view.vectorAt(event.offsetX, event.offsetY);
  }

  pointerdown(event) {
    this.container.focus();
    this.drag = {x: event.clientX, y: event.clientY, far: 0};
  }

  pointermove(event) {
    if (!this.drag) return;
    const [dx, dy] = [event.clientX - this.drag.x, event.clientY - this.drag.y], far = this.drag.far + Math.abs(dx) + Math.abs(dy);
    if (far > CLICK_PIXELS && event.pointerId !== undefined) this.container.setPointerCapture(event.pointerId);
    this.drag = {x: event.clientX, y: event.clientY, far};
    if (far > CLICK_PIXELS) this.move(-dx, -dy);
  }

  pointerup(event) {
    const isClick = this.drag && this.drag.far <= CLICK_PIXELS, vector = isClick && this.vectorAt(event);
    this.drag = null;
    if (vector) this.list(vector);
  }

  pointercancel() {
    this.drag = null;
  }

  // The exposures at a position, the newest first.
  list(vector) {
    const chips = new Map();
    for (const chip of this.isOfChips ? this.chips : []) {
      if (isInPolygon(vector, chip.seen)) chips.set(chip.exposure.id, chip);
    }
    const found = this.shown.filter(({id, seen}) => (this.isOfChips ? chips.has(id) : seen.some((polygon) => isInPolygon(vector, polygon))));
    const [ra, dec] = anglesOf(this.shownToEquatorial(vector)), [l, b] = anglesOf(toGalactic(vectorOf(ra, dec)));
    const {dataset} = this.container, position = `${ra.toFixed(4)} ${dec.toFixed(4)}`;
    const candidates = element("a", {href: `${dataset.candidates}?${new URLSearchParams({position, radius: 600})}`}, "candidates within 10′");
    const place = element("p", {className: "hint"}, `RA\u00a0${ra.toFixed(4)}°, Dec\u00a0${dec.toFixed(4)}°; l\u00a0${l.toFixed(3)}°, b\u00a0${b.toFixed(3)}° · `, candidates);
    const rows = found.slice(0, MAX_LISTED).map((one) => this.rowOf(one, chips.get(one.id), position));
    const more = found.length > MAX_LISTED ? [element("p", {className: "hint"}, `And ${count(found.length - MAX_LISTED, "more")}.`)] : [];
    const what = found.length ? [element("p", {}, `${count(found.length, "exposure")}, the newest first:`), element("ul", {className: "plain"}, ...rows), ...more] : [element("p", {}, "None.")];
    byId("there-list").replaceChildren(place, ...what);
  }

  rowOf({id, name, mjd, filter, references}, chip, position) {
    const {dataset} = this.container, date = new Date((mjd - 40587) * 864e5).toISOString().slice(0, 10);
    const row = element("li", {}, element("a", {href: `${dataset.exposure}${id}/`}, `${name} ${this.filters[filter]}`), ` ${date}`);
    if (chip) row.append(" · ", element("a", {href: `${dataset.image}${chip.id}/`}, chip.name));
    if (references) {
      const query = new URLSearchParams({position, filter: this.filters[filter], radius: 1});
      row.append(" · ", element("a", {href: `${dataset.references}?${query}`}, "reference"));
    }
    return row;
  }
}

const range = (first, last, step) => Array.from({length: Math.floor((last - first) / step) + 2}, (_, k) => Math.min(last, first + k * step));
const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    byId("coverage-note").textContent = `This could not be loaded: ${error.message}.`;
    console.warn(error);
  }
}

const coverage = new Coverage(byId("coverage"), byId("coverage-form"));
await guarded(() => coverage.load());
