// A light curve in all filters, drawn once by Bokeh and given other data as often as one likes.

import {colourPlot, leaveSwipesToThePage} from "./plots.js";

// Colour, Bokeh's marker, and the same for the legend.
const FILTERS = {
  u: ["#7b3fbf", "diamond", "◆"], g: ["#2a8f5c", "circle", "●"], r: ["#c4501b", "square", "■"],
  i: ["#c23b55", "triangle", "▲"], z: ["#a0703f", "hex", "⬢"], Y: ["#7a7f87", "star", "★"],
  VR: ["#b08a00", "inverted_triangle", "▼"], other: ["#3f74c4", "plus", "+"],
};
const DETECTION = "#e08a1e", REFERENCE = "var(--text)";
const MEASURED = ["x", "mag", "low", "high", "colour", "marker", "mjd", "measured", "date", "image", "sigma"];
const MISSED = ["x", "y", "fill", "line", "mjd", "date", "said", "limit", "flux", "image"];
const empty = (names) => Object.fromEntries(names.map((name) => [name, []]));

// const curve = await LightCurveChart.mount(element, {height: 340});
// curve.show(data of variables.light_curves.light_curve_data); curve.fold(days or null);
// curve.align(true) draws each filter from its median.
export class LightCurveChart {
  static async mount(element, {height = 340} = {}) {
    const curve = new LightCurveChart(element, height);
    await curve.ready;
    return curve;
  }

  constructor(element, height) {
    this.data = null;
    this.period = null;
    this.aligned = false;
    this.x = new Bokeh.Range1d({start: 0, end: 1});
    this.y = new Bokeh.Range1d({start: 1, end: 0});
    this.plot = Bokeh.Plotting.figure({
      height, sizing_mode: "stretch_width", tools: "pan,box_zoom,wheel_zoom,reset,save",
      toolbar_location: "right", x_range: this.x, y_range: this.y, min_border: 4,
      output_backend: "canvas",
    });
    this.plot.toolbar.logo = null;
    leaveSwipesToThePage(this.plot);
    this.measured = this.addMeasurements();
    this.marked = this.addMarks();
    this.missed = this.addNonDetections();
    // Of HTML: Bokeh lays its own out anew with each curve, for as long as all else takes.
    this.legend = Object.assign(document.createElement("ul"), {className: "curve-legend"});
    element.before(this.legend);
    this.axis(this.plot.xaxis, "MJD");
    this.axis(this.plot.yaxis, "magnitude");
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", () => this.colour());
    this.colour();
    this.ready = Bokeh.Plotting.show(this.plot, element);
  }

  axis(axes, label) {
    for (const axis of axes) axis.axis_label = label;
  }

  // All filters at once, as each layer costs Bokeh as much whatever it holds.
  addMeasurements() {
    const source = new Bokeh.ColumnDataSource({data: empty(MEASURED)});
    const colour = {field: "colour"};
    this.plot.segment({field: "x"}, {field: "low"}, {field: "x"}, {field: "high"},
      {source, line_color: colour, line_alpha: 0.75, line_width: 1.2});
    const points = this.plot.scatter({field: "x"}, {field: "mag"},
      {source, marker: {field: "marker"}, size: 7, fill_color: colour, line_color: colour});
    this.addHover(points, [["MJD", "@mjd{0.00000}"], ["date", "@date"], ["mag", "@measured"],
      ["change", "@sigma"], ["image", "@image"]]);
    return source;
  }

  addMarks() {
    const detections = new Bokeh.ColumnDataSource({data: {x: [], mag: []}});
    this.plot.scatter({field: "x"}, {field: "mag"}, {source: detections, marker: "circle", size: 14,
      fill_color: null, line_color: DETECTION, line_width: 1.5});
    const references = new Bokeh.ColumnDataSource({data: {x: [], mag: []}});
    const squares = this.plot.scatter({field: "x"}, {field: "mag"}, {source: references, marker: "square",
      size: 14, fill_color: null, line_color: "#888", line_width: 1.6});
    return {detections, references, squares};
  }

  // At upper limits.
  addNonDetections() {
    const source = new Bokeh.ColumnDataSource({data: empty(MISSED)});
    const arrows = this.plot.scatter({field: "x"}, {field: "y"}, {source, marker: "inverted_triangle", size: 11,
      fill_color: {field: "fill"}, line_color: {field: "line"}, line_width: 1.5});
    this.addHover(arrows, [["", "@said"], ["fainter than", "@limit"], ["MJD", "@mjd{0.00000}"], ["date", "@date"],
      ["flux", "@flux"], ["image", "@image"]]);
    return source;
  }

  addHover(renderer, tooltips) {
    this.plot.add_tools(new Bokeh.HoverTool({renderers: [renderer], tooltips}));
  }

  colour() {
    this.marked.squares.glyph.line_color = colourPlot(this.plot);
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
    const curves = (this.data?.filters ?? []).filter((c) => c.mjd.length || c.non_detections.mjd.length);
    const times = curves.flatMap((c) => [...c.mjd, ...c.non_detections.mjd]);
    const place = this.placing(times);
    const zeros = new Map(curves.map((c) => [c, this.aligned ? median(c.mag.length ? c.mag : limitsOf(c)) : 0]));
    this.axis(this.plot.yaxis, this.aligned ? "from the median of each filter (mag)" : "magnitude");
    const mags = curves.flatMap((c) => c.mag.flatMap((m, k) => [m - zeros.get(c) - c.mag_err[k], m - zeros.get(c) + c.mag_err[k]]));
    const limits = curves.flatMap((c) => limitsOf(c).map((limit) => limit - zeros.get(c)));
    const faint = this.setMagnitudes([...mags, ...limits]);
    const measured = empty(MEASURED), detections = {x: [], mag: []}, references = {x: [], mag: []};
    for (const c of curves) {
      addColumns(measured, c, place, zeros.get(c));
      for (const [flag, to] of [["is_detection", detections], ["is_reference", references]]) {
        c.mjd.forEach((mjd, k) => {
          if (c[flag][k]) for (const x of place(mjd)) { to.x.push(x); to.mag.push(c.mag[k] - zeros.get(c)); }
        });
      }
    }
    const {vanished, missed} = nonDetections(curves, place, zeros, faint);
    this.measured.data = measured;
    this.marked.detections.data = detections;
    this.marked.references.data = references;
    const arrows = Object.fromEntries(MISSED.map((name) => [name, [...missed[name], ...vanished[name]]]));
    if (this.missed.data.x.length || arrows.x.length) this.missed.data = arrows;
    this.legend.replaceChildren(...legendOf(curves, {
      detection: [detections, DETECTION, "○"], reference: [references, REFERENCE, "□"], vanished: [vanished, DETECTION, "▽"],
      "upper limit": [missed, REFERENCE, "▽"],
    }));
  }

  // Where the measurements of a time stand: once by day, or twice by phase.
  placing(times) {
    const first = Math.min(...times), last = Math.max(...times);
    if (!times.length) return () => [];
    if (this.period) {
      this.axis(this.plot.xaxis, `phase, twice (${this.period} d)`);
      Object.assign(this.x, {start: -0.04, end: 2.04, reset_start: -0.04, reset_end: 2.04});
      return (mjd) => {
        const phase = (((mjd - first) / this.period) % 1 + 1) % 1;
        return [phase, phase + 1];
      };
    }
    const zero = last - first < 100 ? Math.floor(first) : Math.floor(first / 1000) * 1000;
    this.axis(this.plot.xaxis, `MJD − ${zero} (days)`);
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
    const entry = document.createElement("li"), mark = document.createElement("span");
    Object.assign(mark, {textContent: sign, ariaHidden: "true"}).style.color = colour;
    entry.append(mark, ` ${name}`);
    return entry;
  });
}

// Adds what Bokeh draws of one filter, its magnitudes from a zero.
function addColumns(out, curve, place, zero) {
  const [colour, marker] = styleOf(curve.filter);
  curve.mjd.forEach((mjd, k) => {
    const mag = curve.mag[k], err = curve.mag_err[k];
    for (const x of place(mjd)) {
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

const limitsOf = (curve) => curve.non_detections.limit_mag.filter((limit) => limit !== null);

// What Bokeh draws of epochs without a detection: where the star has vanished, and the others.
// They stand at the star's own upper limits; below all else where none was kept.
function nonDetections(curves, place, zeros, faint) {
  const vanished = empty(MISSED), missed = empty(MISSED);
  for (const curve of curves) {
    const {mjd: times, limit_mag: limits, flux, flux_err, is_detection, image} = curve.non_detections;
    const [colour] = styleOf(curve.filter);
    times.forEach((mjd, k) => {
      const out = is_detection[k] ? vanished : missed;
      for (const x of place(mjd)) {
        out.x.push(x);
        out.y.push(limits[k] === null ? faint : limits[k] - zeros.get(curve));
        out.fill.push(is_detection[k] ? colour : "rgba(0, 0, 0, 0)");
        out.line.push(is_detection[k] ? DETECTION : colour);
        out.mjd.push(mjd);
        out.date.push(dateOf(mjd));
        out.said.push(`${is_detection[k] ? "vanished" : "not detected"} in ${curve.filter}`);
        out.limit.push(limits[k] === null ? "no limit kept" : limits[k].toFixed(2));
        out.flux.push(flux[k] === null ? "not kept" : `${flux[k].toPrecision(3)} ± ${flux_err[k]?.toPrecision(3) ?? "?"} ADU`);
        out.image.push(image[k]);
      }
    });
  }
  return {vanished, missed};
}

const dateOf = (mjd) => new Date((mjd - 40587) * 864e5).toISOString().slice(0, 16).replace("T", " ");

function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = (sorted.length - 1) / 2;
  return sorted.length ? (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2 : 0;
}
