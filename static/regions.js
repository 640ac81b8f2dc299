// A region drawn on a chip with mouse, touch or keyboard; coordinates are pixels of the chip.

import {byId, svgElement} from "./elements.js";

const STEP = 10, FAR_STEP = 100;  // pixels of an arrow key, and with Shift
const MARGIN = 24;  // pixels of the screen that are kept free round the cursor of the keyboard
const CLICK_DISTANCE = 8;  // pixels of the screen within which a click is on the first corner

class RegionDrawing {
  constructor(map, form) {
    this.map = map;
    this.form = form;
    this.plane = map.querySelector(".plane");
    this.draft = map.querySelector("#draft");
    this.width = Number(map.dataset.width);
    this.height = Number(map.dataset.height);
    this.corners = [];
    this.isClosed = false;
    this.cursor = null;  // of the keyboard
    this.from = null;  // where a rectangle was begun
    this.field = form.querySelector("#id_region");
    this.whole = form.querySelector("#id_whole");
    map.addEventListener("pointerdown", (event) => this.press(event));
    map.addEventListener("pointermove", (event) => this.move(event));
    map.addEventListener("pointerup", (event) => this.release(event));
    map.addEventListener("pointercancel", () => this.clear());
    map.addEventListener("dblclick", () => this.close());
    map.addEventListener("keydown", (event) => this.key(event));
    map.addEventListener("blur", () => this.showCursor(null));
    this.field.addEventListener("input", () => this.read());
    this.whole.addEventListener("change", () => this.tell());
    form.querySelector("#clear").addEventListener("click", () => this.clear());
    for (const tool of document.getElementsByName("tool")) {
      tool.addEventListener("change", () => this.choose(tool.value));
    }
    this.choose(document.querySelector("[name=tool]:checked").value);
    this.read();
  }

  choose(tool) {
    this.tool = tool;
    document.querySelector(`[name=tool][value=${tool}]`).checked = true;
    this.map.classList.toggle("drawing", tool !== "look");
  }

  // Where an event is on the chip, within its edges.
  positionOf(event) {
    const point = new DOMPoint(event.clientX, event.clientY);
    const {x, y} = point.matrixTransform(this.plane.getScreenCTM().inverse());
    return this.within(x, y);
  }

  within(x, y) {
    const limit = (value, size) => Math.min(Math.max(value, -0.5), size - 0.5);
    return [limit(x, this.width), limit(y, this.height)];
  }

  press(event) {
    if (this.tool === "look" || !event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    this.map.focus({preventScroll: true});
    this.showCursor(null);
    const position = this.positionOf(event);
    if (this.tool === "rectangle") {
      this.map.setPointerCapture(event.pointerId);
      this.from = position;
      this.set([], false);
    } else if (this.isOnFirst(event)) {
      this.close();
    } else {
      this.add(position);
    }
  }

  move(event) {
    this.say(this.positionOf(event));
    if (this.from) this.set(rectangle(this.from, this.positionOf(event)), false);
  }

  release(event) {
    if (!this.from) return;
    const corners = rectangle(this.from, this.positionOf(event));
    this.from = null;
    if (area(corners) < 1) this.clear();
    else this.set(corners, true);
  }

  isOnFirst(event) {
    if (this.isClosed || this.corners.length < 3) return false;
    const [x, y] = this.corners[0];
    const first = new DOMPoint(x, y).matrixTransform(this.plane.getScreenCTM());
    return Math.hypot(first.x - event.clientX, first.y - event.clientY) < CLICK_DISTANCE;
  }

  add(position) {
    this.set(this.isClosed ? [position] : [...this.corners, position], false);
  }

  close() {
    if (this.tool !== "polygon" || this.isClosed) return;
    // The second click of a double one has set its corner twice.
    const corners = this.corners.filter(
      ([x, y], i) => i === 0 || Math.hypot(x - this.corners[i - 1][0], y - this.corners[i - 1][1]) > 1,
    );
    if (corners.length > 2) this.set(corners, true);
  }

  clear() {
    this.from = null;
    this.set([], false);
    this.tell();
  }

  key(event) {
    const tools = {l: "look", r: "rectangle", p: "polygon"};
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey || event.target !== this.map) return;
    if (key in tools) {
      this.choose(tools[key]);
      this.showCursor(this.tool === "look" ? null : (this.cursor ?? this.middleInSight()));
    }
    else if (this.tool === "look" || !this.act(event)) return;
    event.preventDefault();
  }

  act(event) {
    const ways = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    if (event.key in ways) this.step(ways[event.key], event);
    else if (event.key === " ") this.mark();
    else if (event.key === "Enter") this.finish();
    else if (event.key === "Backspace") this.set(this.corners.slice(0, -1), false);
    else if (event.key === "Escape") this.clear();
    else return false;
    return true;
  }

  step([dx, dy], event) {
    const [x, y] = this.cursor ?? this.middleInSight();
    const step = event.altKey ? 1 : event.shiftKey ? FAR_STEP : STEP;
    const [stepX, stepY] = this.onChip(dx, dy);
    this.showCursor(this.within(Math.round(x + stepX * step), Math.round(y + stepY * step)));
    this.bringIntoSight(this.cursor);
    if (this.from) this.set(rectangle(this.from, this.cursor), false);
  }

  // The direction on the chip for one on the screen: the chip is shown turned, north up.
  onChip(dx, dy) {
    const {a, b, c, d} = this.plane.getScreenCTM().inverse();
    return [Math.sign(Math.round(100 * (a * dx + c * dy))), Math.sign(Math.round(100 * (b * dx + d * dy)))];
  }

  // The part of the screen on which the chip is seen: left, top, right, bottom.
  inSight() {
    const boxes = [this.map, this.map.closest(".scroller")].map((part) => part.getBoundingClientRect());
    return [
      Math.max(0, ...boxes.map((box) => box.left)),
      Math.max(0, ...boxes.map((box) => box.top)),
      Math.min(document.documentElement.clientWidth, ...boxes.map((box) => box.right)),
      Math.min(document.documentElement.clientHeight, ...boxes.map((box) => box.bottom)),
    ];
  }

  // Where the keyboard begins: in the middle of the part that is seen of the chip.
  middleInSight() {
    this.map.scrollIntoView({block: "nearest", inline: "nearest", behavior: "instant"});
    const [left, top, right, bottom] = this.inSight();
    const [x, y] = this.positionOf({clientX: (left + right) / 2, clientY: (top + bottom) / 2});
    return this.within(Math.round(x), Math.round(y));
  }

  // Scrolls the chip, and the page, to where the keyboard has gone.
  bringIntoSight([x, y]) {
    const onScreen = () => new DOMPoint(x, y).matrixTransform(this.plane.getScreenCTM());
    const beyond = (value, low, high) => Math.min(value - low - MARGIN, 0) + Math.max(value - high + MARGIN, 0);
    for (const part of [this.map.closest(".scroller"), document.scrollingElement]) {
      const [left, top, right, bottom] = this.inSight(), {x: at, y: down} = onScreen();
      part.scrollBy({left: beyond(at, left, right), top: beyond(down, top, bottom), behavior: "instant"});
    }
  }

  mark() {
    const position = this.cursor ?? this.middleInSight();
    this.showCursor(position);
    if (this.tool === "polygon") this.add(position);
    else if (this.from) this.finish();
    else this.from = position;
  }

  finish() {
    if (this.tool === "polygon") {
      this.close();
    } else if (this.from && this.cursor) {
      const corners = rectangle(this.from, this.cursor);
      this.from = null;
      if (area(corners) >= 1) this.set(corners, true);
    }
  }

  set(corners, isClosed) {
    this.corners = corners;
    this.isClosed = isClosed;
    this.field.value = isClosed ? corners.map((c) => c.map((v) => v.toFixed(1)).join(",")).join(" ") : "";
    this.draw();
    if (isClosed) {
      this.whole.checked = false;
      this.tell();
    }
  }

  // Takes over corners that were typed.
  read() {
    const numbers = this.field.value.split(/[\s,;]+/).filter(Boolean).map(Number);
    const isWhole = numbers.length >= 6 && numbers.length % 2 === 0 && numbers.every(Number.isFinite);
    this.corners = isWhole ? numbers.flatMap((x, i) => (i % 2 ? [] : [[x, numbers[i + 1]]])) : [];
    this.isClosed = isWhole;
    this.draw();
    if (isWhole) this.tell();
  }

  draw() {
    this.draft.classList.toggle("open", !this.isClosed);
    this.draft.querySelector("polygon").setAttribute("points", this.corners.join(" "));
    const {a, b} = this.plane.getScreenCTM();  // of a chip that may be turned
    const radius = 4 / Math.hypot(a, b);
    this.draft.querySelector(".corners").replaceChildren(
      ...this.corners.map(([cx, cy]) => svgElement("circle", {cx, cy, r: radius})),
    );
  }

  showCursor(position) {
    this.cursor = position;
    const [x, y] = position ?? [0, 0];
    const path = position ? `M${x},-0.5V${this.height}M-0.5,${y}H${this.width}` : "";
    this.draft.querySelector(".cross").setAttribute("d", path);
    if (position) this.say(position);
  }

  say([x, y]) {
    byId("readout").textContent = `x ${x.toFixed(0)}, y ${y.toFixed(0)}`;
  }

  // The server says how much the region covers, before it is saved.
  tell() {
    const isSomething = this.isClosed || this.whole.checked;
    if (isSomething) document.body.dispatchEvent(new Event("region-changed"));
    else byId("covered").textContent = "Nothing is drawn yet.";
  }
}

function rectangle([x1, y1], [x2, y2]) {
  return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
}

function area(corners) {
  return Math.abs((corners[2][0] - corners[0][0]) * (corners[2][1] - corners[0][1]));
}

const map = byId("chip-map");
const form = byId("flag-form");
const drawing = map && form ? new RegionDrawing(map, form) : null;

for (const zoom of document.getElementsByName("zoom")) {
  zoom.addEventListener("change", () => {
    byId("scroller").className = `scroller zoom-${zoom.value}`;
    drawing?.draw();
  });
}
