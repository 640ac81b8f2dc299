// The periodogram of a star: power by frequency, with the periods that are stored of it.

import {MARKS, addMarkers, columnSource, followColourScheme, labelAxes, makePlot} from "./plots.js";

const PEAK = MARKS[1], CURVE = MARKS[0];
const NEAR_PIXELS = 8, LINE_PIXELS = 12, BESIDE_PIXELS = 85;
const significant = (days) => Number(days.toPrecision(8));

// const periodogram = await Periodogram.mount(element, data of variables.periods.periodogram, (days) => ...);
// periodogram.mark(days or null) shows where a period is.
export class Periodogram {
  static async mount(container, data, onChoose) {
    const made = new Periodogram(data, onChoose, container.clientWidth - BESIDE_PIXELS);
    await Bokeh.Plotting.show(made.plot, container);
    return made;
  }

  constructor({frequency, power, periods}, onChoose, width) {
    Object.assign(this, {frequency, power});
    const known = periods.filter((one) => one.power !== null);
    const top = Math.max(...power, 0.01);
    const range = (start, end) => new Bokeh.Range1d({start, end, reset_start: start, reset_end: end});
    this.x = range(frequency[0], frequency.at(-1));
    this.plot = makePlot({
      height: 320, tools: "pan,box_zoom,wheel_zoom,reset,save", toolbar_location: "right", x_axis_type: "log",
      x_range: this.x, y_range: range(0, (known.length ? 2 : 1.1) * top), min_border: 4, output_backend: "canvas",
    });
    this.addAxes();
    this.addCurve();
    const labels = this.addPeaks(known, width);
    this.now = new Bokeh.Span({location: 1, dimension: "height", line_dash: "dashed", line_width: 1.3, visible: false});
    this.plot.add_layout(this.now);
    this.plot.on_event("tap", ({x}) => onChoose(significant(1 / this.highestNear(x))));
    followColourScheme(this.plot, (text) => {
      labels.glyph.text_color = text;
      this.now.line_color = text;
    });
  }

  // Frequencies below, and the same as periods above.
  addAxes() {
    labelAxes(this.plot.xaxis, "frequency (cycles a day)");
    labelAxes(this.plot.yaxis, "power");
    // A share is at most 1; above it is room for labels alone.
    const ticker = new Bokeh.FixedTicker({ticks: [0, 0.2, 0.4, 0.6, 0.8, 1]});
    for (const lines of [...this.plot.yaxis, ...this.plot.ygrid]) lines.ticker = ticker;
    const decades = Array.from({length: 12}, (_, k) => 10 ** (k - 6));
    const named = new Map(decades.map((days) => [1 / days, String(days)]));
    this.plot.add_layout(new Bokeh.LogAxis({
      axis_label: "period (days)", ticker: new Bokeh.FixedTicker({ticks: [...named.keys()]}), major_label_overrides: named,
    }), "above");
  }

  addCurve() {
    const source = columnSource({x: this.frequency, y: this.power, days: this.frequency.map((f) => `${(1 / f).toPrecision(7)} d`)});
    const line = this.plot.line({field: "x"}, {field: "y"}, {source, line_color: CURVE, line_width: 1});
    this.plot.add_tools(new Bokeh.HoverTool({renderers: [line], mode: "vline", line_policy: "nearest",
      tooltips: [["period", "@days"], ["frequency", "@x{0.000000}"], ["power", "@y{0.000}"]]}));
  }

  // The stored periods, each labelled upwards with what alias it may be, so that neighbours fit in.
  addPeaks(periods, width) {
    const sorted = [...periods].sort((a, b) => b.days - a.days);
    const pixels = width / Math.log(this.x.end / this.x.start);
    let end = -Infinity;
    const offset = sorted.map(({days}) => {
      const at = -Math.log(days) * pixels, shown = Math.max(at, end + LINE_PIXELS);
      end = shown;
      return shown - at;
    });
    const source = columnSource({
      x: sorted.map(({days}) => 1 / days), y: sorted.map(({power}) => power), offset,
      text: sorted.map(({rank, days, alias}) => `${rank}: ${days.toPrecision(4)} d${alias ? `, ${alias}` : ""}`),
    });
    addMarkers(this.plot, ["x", "y"], source, {marker: "circle", size: 8, fill_color: PEAK, line_color: PEAK});
    return this.plot.text({field: "x"}, {field: "y"}, {field: "text"}, {source, angle: Math.PI / 2,
      x_offset: {field: "offset"}, y_offset: -9, text_font_size: "11px", text_align: "left", text_baseline: "middle"});
  }

  // The frequency of the highest power within some pixels of a frequency, or the nearest there is.
  highestNear(x) {
    const distance = (f) => Math.abs(Math.log(f / x));
    const near = NEAR_PIXELS * Math.log(this.x.end / this.x.start) / this.plot.inner_width;
    const places = this.frequency.map((_, k) => k);
    const within = places.filter((k) => distance(this.frequency[k]) <= near);
    const best = within.length ? within.reduce((a, b) => (this.power[b] > this.power[a] ? b : a))
      : places.reduce((a, b) => (distance(this.frequency[b]) < distance(this.frequency[a]) ? b : a));
    return this.frequency[best];
  }

  mark(days) {
    this.now.visible = days !== null;
    if (days !== null) this.now.location = 1 / days;
  }
}
