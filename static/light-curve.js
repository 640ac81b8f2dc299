// A light curve in all filters, set up once and given other data as often as one likes.

import {element} from "./elements.js";
import {fourierSeries} from "./fourier.js";
import {dateOf, median} from "./light-curve-values.js";
import {MARKS, addMarkers, columnSource, followColourScheme, labelAxes, makePlot} from "./plots.js";

// Colour, Bokeh's marker, and the same for the legend.
const [FIRST, SECOND, THIRD] = MARKS;
const FILTERS = {
  u: [FIRST, "diamond", "◆"], g: [THIRD, "circle", "●"], r: [SECOND, "square", "■"],
  i: [FIRST, "triangle", "▲"], z: [THIRD, "hex", "⬢"], Y: [SECOND, "star", "★"],
  VR: [SECOND, "inverted_triangle", "▼"], other: [FIRST, "plus", "+"],
};
const DETECTION = SECOND, REFERENCE = "var(--text)";
const MEASURED = ["x", "mag", "low", "high", "colour", "marker", "mjd", "measured", "date", "image", "sigma"];
const MISSED = ["x", "y", "fill", "line", "mjd", "date", "status", "limit", "flux", "image"];
const empty = (names) => Object.fromEntries(names.map((name) => [name, []]));

// const curve = await LightCurveChart.mount(element, {height: 340});
// curve.show(data of variables.light_curves.light_curve_data); curve.fold(days or null);
// curve.align(true) draws each filter from its median.
export class LightCurveChart {
  static async mount(container, {height = 340, hasLegend = true} = {}) {
    const curve = new LightCurveChart(container, height, hasLegend);
    await curve.ready;
    return curve;
  }

  constructor(container, height, hasLegend) {
    this.data = null;
    this.period = null;
    this.aligned = false;
    this.epoch = null;  // BJD of phase zero; null: of the first epoch
    this.harmonics = 0;  // of the curve through folded points; 0: none
    this.hidden = new Set();  // filters that are not drawn
    this.x = new Bokeh.Range1d({start: 0, end: 1});
    this.y = new Bokeh.Range1d({start: 1, end: 0});
    this.plot = makePlot({
      height, tools: "pan,box_zoom,wheel_zoom,reset,save", toolbar_location: "right",
      x_range: this.x, y_range: this.y, min_border: 4, output_backend: "canvas",
    });
    this.measured = this.addMeasurements();
    this.marked = this.addMarks();
    this.missed = this.addNonDetections();
    this.fitted = this.addFitted();
    // Of HTML: Bokeh lays its own out anew with each curve, for as long as all else takes.
    this.legend = element("ul", {className: "curve-legend"});
    if (hasLegend) container.before(this.legend);
    labelAxes(this.plot.xaxis, "MJD");
    labelAxes(this.plot.yaxis, "magnitude");
    followColourScheme(this.plot, (text) => { this.marked.squares.glyph.line_color = text; });
    this.ready = Bokeh.Plotting.show(this.plot, container);
  }

  // All filters at once, as each layer costs Bokeh as much whatever it holds.
  addMeasurements() {
    const source = columnSource(empty(MEASURED)), colour = {field: "colour"};
    this.plot.segment({field: "x"}, {field: "low"}, {field: "x"}, {field: "high"},
      {source, line_color: colour, line_alpha: 0.75, line_width: 1.2});
    const points = addMarkers(this.plot, ["x", "mag"], source,
      {marker: {field: "marker"}, size: 7, fill_color: colour, line_color: colour});
    this.addHover(points, [["MJD", "@mjd{0.00000}"], ["date", "@date"], ["mag", "@measured"],
      ["change", "@sigma"], ["image", "@image"]]);
    return source;
  }

  // Round detections and what was measured on references.
  addMarks() {
    const detections = columnSource({x: [], mag: []}), references = columnSource({x: [], mag: []});
    addMarkers(this.plot, ["x", "mag"], detections,
      {marker: "circle", size: 14, fill_color: null, line_color: DETECTION, line_width: 1.5});
    const squares = addMarkers(this.plot, ["x", "mag"], references,
      {marker: "square", size: 14, fill_color: null, line_color: null, line_width: 1.6});
    return {detections, references, squares};
  }

  // At upper limits.
  addNonDetections() {
    const source = columnSource(empty(MISSED));
    const arrows = addMarkers(this.plot, ["x", "y"], source,
      {marker: "inverted_triangle", size: 11, fill_color: {field: "fill"}, line_color: {field: "line"}, line_width: 1.5});
    this.addHover(arrows, [["", "@status"], ["fainter than", "@limit"], ["MJD", "@mjd{0.00000}"], ["date", "@date"],
      ["flux", "@flux"], ["image", "@image"]]);
    return source;
  }

  // Fourier series through folded points.
  addFitted() {
    const source = columnSource({x: [], y: [], colour: []});
    this.plot.multi_line({field: "x"}, {field: "y"}, {source, line_color: {field: "colour"}, line_width: 1.5});
    return source;
  }

  addHover(renderer, tooltips) {
    this.plot.add_tools(new Bokeh.HoverTool({renderers: [renderer], tooltips}));
  }

  show(data) {
    this.data = data;
    this.draw();
  }

  fold(period) {
    this.period = Number.isFinite(period) && period > 0 ? period : null;
    this.draw();
  }

  align(aligned) {
    this.aligned = aligned;
    this.draw();
  }

  draw() {
    const curves = (this.data?.filters ?? []).filter((c) => !this.hidden.has(c.filter) && (c.mjd.length || c.non_detections.mjd.length));
    const times = curves.flatMap((c) => [...c.mjd, ...c.non_detections.mjd]);
    const positions = this.positionsOf(times);
    const zeros = new Map(curves.map((c) => [c, this.aligned ? median(c.mag.length ? c.mag : limitsOf(c)) : 0]));
    const detrended = curves.some((c) => c.is_detrended) ? ", detrended" : "";
    labelAxes(this.plot.yaxis, `${this.aligned ? "from the median of each filter (mag)" : "magnitude"}${detrended}`);
    const mags = curves.flatMap((c) => c.mag.flatMap((m, k) => [m - zeros.get(c) - c.mag_err[k], m - zeros.get(c) + c.mag_err[k]]));
    const limits = curves.flatMap((c) => limitsOf(c).map((limit) => limit - zeros.get(c)));
    const faint = this.setMagnitudes([...mags, ...limits]);
    const measured = empty(MEASURED), detections = {x: [], mag: []}, references = {x: [], mag: []};
    for (const c of curves) {
      addColumns(measured, c, positions, zeros.get(c));
      for (const [flag, to] of [["is_detection", detections], ["is_reference", references]]) {
        c.mjd.forEach((mjd, k) => {
          if (c[flag][k]) for (const x of positions(mjd, c.bjd_tdb[k])) { to.x.push(x); to.mag.push(c.mag[k] - zeros.get(c)); }
        });
      }
    }
    const {vanished, missed} = nonDetections(curves, positions, zeros, faint);
    this.measured.data = measured;
    this.marked.detections.data = detections;
    this.marked.references.data = references;
    const arrows = Object.fromEntries(MISSED.map((name) => [name, [...missed[name], ...vanished[name]]]));
    if (this.missed.data.x.length || arrows.x.length) this.missed.data = arrows;
    const fitted = this.period && this.harmonics ? fittedCurves(curves, positions, zeros, this.harmonics) : [];
    if (this.fitted.data.x.length || fitted.length) this.fitted.data = {x: fitted.map((one) => one.x), y: fitted.map((one) => one.y), colour: fitted.map((one) => one.colour)};
    this.legend.replaceChildren(...legendOf(curves, {
      detection: [detections, DETECTION, "○"], reference: [references, REFERENCE, "□"], vanished: [vanished, DETECTION, "▽"],
      "upper limit": [missed, REFERENCE, "▽"],
    }));
  }

  // Labels the axis of time for these; a function from a MJD, and the same moment as BJD, to where it
  // is drawn: once by day, or twice by phase, which is of barycentric times.
  positionsOf(times) {
    const first = Math.min(...times), last = Math.max(...times);
    if (!times.length) return () => [];
    if (this.period) {
      const zero = this.epoch === null ? first : this.epoch - 2400000.5;
      labelAxes(this.plot.xaxis, `phase, twice (${this.period} d, BJD in TDB${this.epoch === null ? "" : ` from ${this.epoch}`})`);
      Object.assign(this.x, {start: -0.04, end: 2.04, reset_start: -0.04, reset_end: 2.04});
      return (mjd, bjd) => {
        const days = bjd === null ? mjd : bjd - 2400000.5;
        const phase = (((days - zero) / this.period) % 1 + 1) % 1;
        return [phase, phase + 1];
      };
    }
    const zero = last - first < 100 ? Math.floor(first) : Math.floor(first / 1000) * 1000;
    labelAxes(this.plot.xaxis, `MJD (UTC) − ${zero} (days)`);
    const pad = Math.max((last - first) * 0.04, 0.02);
    const [start, end] = [first - zero - pad, last - zero + pad];
    Object.assign(this.x, {start, end, reset_start: start, reset_end: end});
    return (mjd) => [mjd - zero];
  }

  // Brighter up, with room for the legend above and for limits that were not kept below.
  setMagnitudes(mags) {
    const [bright, faint] = mags.length ? [Math.min(...mags), Math.max(...mags)] : [0, 1];
    const pad = Math.max((faint - bright) * 0.1, 0.03);
    const [start, end] = [faint + 1.4 * pad, bright - 2 * pad];
    Object.assign(this.y, {start, end, reset_start: start, reset_end: end});
    return faint + 0.7 * pad;
  }
}

const styleOf = (filter) => FILTERS[filter] ?? FILTERS.other;

// What is on the plot: the filters that were measured in, and the marks that there are.
function legendOf(curves, marks) {
  const filters = curves.filter((c) => c.mjd.length).map(({filter}) => [filter, styleOf(filter)[0], styleOf(filter)[2]]);
  const marked = Object.entries(marks).filter(([, [{x}]]) => x.length).map(([name, [, ...style]]) => [name, ...style]);
  return [...filters, ...marked].map(([name, colour, sign]) => {
    const mark = element("span", {textContent: sign, ariaHidden: "true"});
    mark.style.color = colour;
    return element("li", {}, mark, ` ${name}`);
  });
}

// Adds what is drawn of one filter to the columns of all, with magnitudes from a zero.
function addColumns(out, curve, positions, zero) {
  const [colour, marker] = styleOf(curve.filter);
  curve.mjd.forEach((mjd, k) => {
    const mag = curve.mag[k], err = curve.mag_err[k];
    for (const x of positions(mjd, curve.bjd_tdb[k])) {
      out.x.push(x);
      out.mag.push(mag - zero);
      out.low.push(mag - zero - err);
      out.high.push(mag - zero + err);
      out.colour.push(colour);
      out.marker.push(marker);
      out.mjd.push(mjd);
      out.measured.push(err === null ? mag.toFixed(3) : `${mag.toFixed(3)} ± ${err.toFixed(3)}`);
      out.date.push(dateOf(mjd));
      out.image.push(`${curve.image[k]} (${curve.filter}${curve.is_blend ? ", in a blend" : ""})`);
      out.sigma.push(curve.significance[k] === null ? "below the threshold" : `${curve.significance[k]} σ`);
    }
  });
}

// The Fourier series of each filter that has points enough, over both turns of phase.
function fittedCurves(curves, positions, zeros, n) {
  return curves.flatMap((c) => {
    const phases = c.mjd.map((mjd, k) => positions(mjd, c.bjd_tdb[k])[0]);
    const series = fourierSeries(phases, c.mag, c.mag_err, n);
    if (!series) return [];
    const x = Array.from({length: 201}, (_, k) => k / 100);
    return [{x, y: x.map((phase) => series(phase) - zeros.get(c)), colour: styleOf(c.filter)[0]}];
  });
}

const limitsOf = (curve) => curve.non_detections.limit_mag.filter((limit) => limit !== null);

// Columns of epochs without a detection: where the star has vanished, and the others.
// They are drawn at the star's upper limits; below all else where none was kept.
function nonDetections(curves, positions, zeros, faint) {
  const vanished = empty(MISSED), missed = empty(MISSED);
  for (const curve of curves) {
    const {mjd: times, bjd_tdb: barycentric, limit_mag: limits, flux, flux_err, is_detection, image} = curve.non_detections;
    const [colour] = styleOf(curve.filter);
    times.forEach((mjd, k) => {
      const out = is_detection[k] ? vanished : missed;
      for (const x of positions(mjd, barycentric[k])) {
        out.x.push(x);
        out.y.push(limits[k] === null ? faint : limits[k] - zeros.get(curve));
        out.fill.push(is_detection[k] ? colour : "rgba(0, 0, 0, 0)");
        out.line.push(is_detection[k] ? DETECTION : colour);
        out.mjd.push(mjd);
        out.date.push(dateOf(mjd));
        out.status.push(`${is_detection[k] ? "vanished" : "not detected"} in ${curve.filter}`);
        out.limit.push(limits[k] === null ? "no limit kept" : limits[k].toFixed(2));
        out.flux.push(flux[k] === null ? "not kept" : `${flux[k].toPrecision(3)} ± ${flux_err[k]?.toPrecision(3) ?? "?"} ADU`);
        out.image.push(image[k]);
      }
    });
  }
  return {vanished, missed};
}
