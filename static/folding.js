// The light curve folded by a period, beside the one over time: by a period that was typed or
// found, and by what else may be meant by it.

const significant = (days) => Number(days.toPrecision(8));

export class Folding {
  // ``curves``: the element round both plots; ``field``: the input of the period in days.
  // ``mount(container)`` makes the chart of the folded curve, or promises it. ``onFold(days)`` is told
  // of each period, null where the curve is not folded any more.
  constructor(curves, field, {mount, onFold = () => {}}) {
    Object.assign(this, {curves, field, mount, onFold, data: null, periods: [], at: -1, period: null, isMeant: false, shape: {}});
    this.container = curves.querySelector(".folded-curve");
  }

  // Another star: its curves, and the periods found of it, the likeliest first; it is folded by that
  // at once where ``isCertain``, as noise alone hardly has such a period. Where ``showsAny`` it is so
  // too where it isn't, but by a period that nobody means yet.
  show(data, periods = [], isCertain = false, showsAny = false) {
    Object.assign(this, {data, periods, at: -1});
    if (isCertain) return this.next();
    return showsAny && periods.length ? this.fold(periods[0].days, false) : this.fold(null);
  }

  // How it is drawn: ``epoch`` of phase zero, ``harmonics``, ``hidden`` filters.
  shapeAs(shape) {
    this.shape = shape;
    return this.fold(this.period, this.isMeant);
  }

  // The same star's curves in another form, folded as they are.
  redraw(data) {
    this.data = data;
    return this.fold(this.period, this.isMeant);
  }

  async fold(days, isMeant = true) {
    this.isMeant = isMeant;
    this.period = Number.isFinite(days) && days > 0 ? significant(days) : null;
    this.field.value = this.period ?? "";
    this.curves.classList.toggle("is-folded", this.period !== null);
    this.onFold(this.period);
    if (this.period === null) return;
    this.mounting ??= this.mount(this.container);
    const chart = await this.mounting;
    Object.assign(chart, {period: this.period, aligned: this.aligned ?? false, ...this.shape});
    chart.show(this.data);
  }

  align(aligned) {
    this.aligned = aligned;
    return this.fold(this.period, this.isMeant);
  }

  // The next of the periods found, and after the last the first again.
  next() {
    if (!this.periods.length) return undefined;
    this.at = (this.at + 1) % this.periods.length;
    return this.fold(this.periods[this.at].days);
  }

  // Half the period or twice, of which eclipses of two depths have one or the other.
  multiply(factor) {
    return this.period === null ? undefined : this.fold(this.period * factor);
  }

  // The alias by so many cycles a day more, or less.
  shift(cyclesADay) {
    const frequency = this.period === null ? 0 : 1 / this.period + cyclesADay;
    return this.period === null || frequency === 0 ? undefined : this.fold(1 / Math.abs(frequency));
  }
}
