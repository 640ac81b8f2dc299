// Values of light curves as people read them.

// The date and time of an MJD, in UTC; the day alone.
export const dateOf = (mjd) => new Date((mjd - 40587) * 864e5).toISOString().slice(0, 16).replace("T", " ");
export const dayOf = (mjd) => dateOf(mjd).slice(0, 10);

// The median of numbers; 0 of none.
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = (sorted.length - 1) / 2;
  return sorted.length ? (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2 : 0;
}
