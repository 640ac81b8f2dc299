// A light curve on a canvas, drawn within a millisecond: the candidate's own filter in full height,
// others aligned with it by their medians and paler; over time, or twice by phase.

import {element} from "./elements.js";
import {FILTER_SIGNS, drawSign} from "./curve-signs.js";
import {dateOf, median} from "./light-curve-values.js";
import {steps} from "./steps.js";

const PALE = 0.55;  // how opaque what is not the candidate's own filter is
const NEAR = 14;  // pixels from the pointer to a point that it means
const MARGIN = {left: 40, right: 8, top: 20, bottom: 30}, SMALL = {left: 3, right: 3, top: 4, bottom: 4};
const COLOURS = {own: "--mark-1", other: "--mark-3", changed: "--mark-2", text: "--text", faint: "--faint", line: "--line", mark: "--working"};

export class CurvePlot {
  // ``isSmall``: points alone, for a tile; ``onPoint(image id or null)`` hears what the pointer means.
  constructor(container, {isSmall = false, hasLegend = !isSmall, onPoint = null} = {}) {
    Object.assign(this, {container, isSmall, hasLegend, data: null, period: null, marked: null, points: []});
    this.canvas = element("canvas", {role: "img"});
    this.note = element("output", {className: "point"});
    container.append(this.canvas, ...(isSmall ? [] : [this.note]));
    this.margin = isSmall ? SMALL : MARGIN;
    if (isSmall) return;  // of which there are many: whoever made it has it drawn
    new ResizeObserver(() => this.draw()).observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    if (onPoint) this.listen(onPoint);
  }

  listen(onPoint) {
    const tell = (point) => {
      this.note.textContent = point?.text ?? "";
      onPoint(point?.image ?? null);
    };
    this.canvas.addEventListener("pointermove", ({offsetX, offsetY}) => tell(this.nearest(offsetX, offsetY)));
    this.canvas.addEventListener("pointerleave", () => tell(null));
  }

  nearest(x, y) {
    const away = (point) => Math.hypot(point.left - x, point.top - y);
    const best = this.points.reduce((a, b) => (a && away(a) <= away(b) ? a : b), null);
    return best && away(best) <= NEAR ? best : null;
  }

  show(data) {
    Object.assign(this, {data, marked: null});
    this.note.textContent = "";
    this.canvas.setAttribute("aria-label", described(data, this.period));
    if (!this.isSmall) this.draw();
  }

  // Rings the points of an image, those of null none; tells what was measured there.
  mark(image) {
    if (image === this.marked) return;
    this.marked = image;
    this.draw();
    const own = this.points.find((point) => point.image === image && point.isOwn);
    this.note.textContent = own?.text ?? "";
  }

  // ``size`` of its container: many are read at once before one is drawn, as each that is drawn has
  // the page laid out anew.
  draw({width, height} = sizeOf(this.container), colours = coloursOfCurves()) {
    const scale = devicePixelRatio;
    if (!this.data || !width || !height) return;
    Object.assign(this.canvas, {width: width * scale, height: height * scale});
    this.colours = colours;
    this.pen = this.canvas.getContext("2d");
    this.pen.scale(scale, scale);
    this.size = {width, height};
    this.place(pointsOf(this.data, this.period));
    if (!this.isSmall) this.drawAxes();
    this.drawPoints();
    if (this.hasLegend) this.drawLegend();
  }

  // Where each point lies. What is beyond the own filter's range lies on the edge of the plot.
  place(points) {
    const {left, right, top, bottom} = this.margin, {width, height} = this.size;
    const own = points.filter((point) => point.isOwn), [low, high] = rangeOf(own.length ? own : points);
    const xs = points.map((point) => point.x), pad = 0.03 * (Math.max(...xs) - Math.min(...xs)) || 0.5;
    this.x = this.period ? [-0.03, 2.03] : [Math.min(...xs) - pad, Math.max(...xs) + pad];
    this.y = [low, high];
    this.left = (x) => left + (width - left - right) * (x - this.x[0]) / (this.x[1] - this.x[0]);
    this.top = (y) => top + (height - top - bottom) * (y - low) / (high - low);
    const within = (y) => Math.max(top + 3, Math.min(height - bottom - 3, y));
    this.points = points.map((point) => ({...point, left: this.left(point.x), top: within(this.top(point.mag ?? high))}));
  }

  drawAxes() {
    const {pen, colours} = this, {left, right, top, bottom} = this.margin, {width, height} = this.size;
    if (!this.points.length) return;
    const zero = this.period ? 0 : zeroOf(this.x);
    pen.font = "11px system-ui, sans-serif";
    Object.assign(pen, {strokeStyle: colours.line, fillStyle: colours.text, lineWidth: 1, textAlign: "center", textBaseline: "top"});
    pen.strokeRect(left, top, width - left - right, height - top - bottom);
    for (const [at, text] of steps(this.x[0] - zero, this.x[1] - zero, width / 80)) this.line(this.left(at + zero), true, text);
    Object.assign(pen, {textAlign: "right", textBaseline: "middle"});
    for (const [at, text] of steps(...this.y, height / 45)) this.line(this.top(at), false, text);
    Object.assign(pen, {textAlign: "center", textBaseline: "bottom", fillStyle: colours.faint});
    const label = this.period ? `phase, twice, of ${this.period} d` : `MJD − ${zero} (days)`;
    pen.fillText(label, left + (width - left - right) / 2, height);
  }

  line(at, isUpright, text) {
    const {pen, size: {width, height}, margin: {left, right, top, bottom}} = this, sharp = Math.round(at) + 0.5;
    pen.beginPath();
    pen.moveTo(...(isUpright ? [sharp, top] : [left, sharp]));
    pen.lineTo(...(isUpright ? [sharp, height - bottom] : [width - right, sharp]));
    pen.stroke();
    pen.fillText(text, ...(isUpright ? [at, height - bottom + 4] : [left - 4, at]));
  }

  // Others first, so that the own filter lies over them.
  drawPoints() {
    const {pen, colours, isSmall} = this, size = isSmall ? 2.2 : 4;
    for (const point of [...this.points].sort((a, b) => a.isOwn - b.isOwn)) {
      const colour = point.isOwn ? colours.own : colours.other;
      Object.assign(pen, {globalAlpha: point.isOwn ? 1 : PALE, fillStyle: colour, strokeStyle: colour, lineWidth: 1});
      if (point.err && point.isOwn && !isSmall) this.drawError(point);
      drawSign(pen, point.sign, point.left, point.top, size, point.isLimit);
      pen.globalAlpha = 1;
      if (point.isDetection) this.ring(point, colours.changed, isSmall ? 4 : 7.5, 1.6);
      if (point.isReference && !isSmall) this.square(point);
      if (point.image === this.marked && this.marked !== null) this.ring(point, colours.mark, 11, 3);
    }
  }

  drawError({left, mag, err}) {
    const {pen, margin, size: {height}} = this;
    const within = (y) => Math.max(margin.top, Math.min(height - margin.bottom, y));
    pen.beginPath();
    pen.moveTo(left, within(this.top(mag - err)));
    pen.lineTo(left, within(this.top(mag + err)));
    pen.stroke();
  }

  ring({left, top}, colour, radius, lineWidth) {
    Object.assign(this.pen, {strokeStyle: colour, lineWidth});
    this.pen.beginPath();
    this.pen.arc(left, top, radius, 0, 7);
    this.pen.stroke();
  }

  square({left, top}) {
    Object.assign(this.pen, {strokeStyle: this.colours.text, lineWidth: 1.2});
    this.pen.strokeRect(left - 6.5, top - 6.5, 13, 13);
  }

  // In one line above the plot: the filters, and what a ring and a square mean.
  drawLegend() {
    const {pen, colours} = this, {filters} = this.data;
    let x = this.margin.left + 6;
    pen.font = "11px system-ui, sans-serif";
    Object.assign(pen, {textAlign: "left", textBaseline: "middle", lineWidth: 1.4});
    const write = (text) => {
      pen.fillStyle = colours.text;
      pen.fillText(text, x + 8, 10);
      x += 20 + pen.measureText(text).width;
    };
    filters.forEach(({filter}, k) => {
      Object.assign(pen, {globalAlpha: k ? PALE : 1, fillStyle: k ? colours.other : colours.own, strokeStyle: k ? colours.other : colours.own});
      drawSign(pen, signOf(filter), x, 10, 4);
      pen.globalAlpha = 1;
      write(filter);
    });
    this.ring({left: x, top: 10}, colours.changed, 5, 1.6);
    write("detection");
    Object.assign(pen, {strokeStyle: colours.text, lineWidth: 1.2});
    pen.strokeRect(x - 4, 6, 8, 8);
    write("reference");
    x -= 12;
    if (filters.length > 1 && x + 195 < this.size.width) write("other filters from their medians");
  }
}

export const sizeOf = ({clientWidth: width, clientHeight: height}) => ({width, height});

export function coloursOfCurves() {
  const css = getComputedStyle(document.documentElement);
  return Object.fromEntries(Object.entries(COLOURS).map(([name, value]) => [name, css.getPropertyValue(value).trim()]));
}

const signOf = (filter) => FILTER_SIGNS[filter] ?? FILTER_SIGNS.other;
const zeroOf = ([first, last]) => (last - first < 100 ? Math.floor(first) : Math.floor(first / 1000) * 1000);

// The points of all curves, where they are drawn by time, or by phase twice.
function pointsOf({filters}, period) {
  const [own] = filters, zero = own?.mag.length ? median(own.mag) : null;
  const times = filters.flatMap((curve) => [...curve.mjd, ...curve.non_detections.mjd]);
  const first = Math.min(...times);
  const positions = (mjd, bjd) => {
    if (!period) return [mjd];
    const days = bjd === null || bjd === undefined ? mjd : bjd - 2400000.5;
    const phase = (((days - first) / period) % 1 + 1) % 1;
    return [phase, phase + 1];
  };
  return filters.flatMap((curve) => {
    const isOwn = curve === own, shift = isOwn || zero === null || !curve.mag.length ? 0 : zero - median(curve.mag);
    return [...measured(curve, isOwn, shift, positions), ...missed(curve, isOwn, shift, positions)];
  });
}

function measured(curve, isOwn, shift, positions) {
  return curve.mjd.flatMap((mjd, k) => positions(mjd, curve.bjd_tdb?.[k]).map((x) => ({
    x, isOwn, mag: curve.mag[k] + shift, err: curve.mag_err[k], image: curve.image_id[k], sign: signOf(curve.filter),
    isDetection: curve.is_detection[k], isReference: curve.is_reference[k],
    text: `${dateOf(mjd)}  ${curve.filter} ${curve.mag[k].toFixed(2)}${curve.mag_err[k] === null ? "" : ` ± ${curve.mag_err[k].toFixed(2)}`}${curve.significance?.[k] ? `, ${Math.round(curve.significance[k])} σ` : ""}`,
  })));
}

// Upper limits; what kept none lies at the bottom.
function missed({filter, non_detections: none}, isOwn, shift, positions) {
  return none.mjd.flatMap((mjd, k) => positions(mjd, none.bjd_tdb?.[k]).map((x) => ({
    x, isOwn, mag: none.limit_mag[k] === null ? null : none.limit_mag[k] + shift, err: null, image: none.image_id[k], sign: "limit",
    isDetection: none.is_detection[k], isReference: false, isLimit: true,
    text: `${dateOf(mjd)}  ${filter} ${none.is_detection[k] ? "vanished" : "not detected"}${none.limit_mag[k] === null ? "" : `, fainter than ${none.limit_mag[k].toFixed(2)}`}`,
  })));
}

// Brighter up: the brightest and the faintest magnitude, with some room for errors.
function rangeOf(points) {
  const mags = points.map(({mag}) => mag).filter((mag) => mag !== null);
  if (!mags.length) return [0, 1];
  const errors = median(points.map(({err}) => err).filter((err) => err !== null));
  const bright = Math.min(...mags), faint = Math.max(...mags);
  const pad = Math.max(0.08 * (faint - bright), Math.min(errors, 0.5 * (faint - bright)), 0.02);
  return [bright - pad, faint + pad];
}

function described({filters}, period) {
  const counts = filters.map(({filter, mjd}) => `${mjd.length} in ${filter}`).join(", ");
  return `Light curve${period ? `, folded by ${period} days` : ""}: measurements ${counts || "none"}`;
}
