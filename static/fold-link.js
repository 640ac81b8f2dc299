// A fold in an address, after the #: period in days, epoch of phase zero (BJD in TDB), harmonics of
// the curve through the points, and the filters that are drawn.

export const MOST_HARMONICS = 8;

const positive = (text) => (Number(text) > 0 && Number.isFinite(Number(text)) ? Number(text) : null);

// What an address says: ``{period, epoch, harmonics, filters}``; null where it says nothing that makes
// sense, harmonics 0, filters null for all.
export function foldIn(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const harmonics = Number(said.get("harmonics"));
  return {
    period: positive(said.get("period")),
    epoch: positive(said.get("epoch")),
    harmonics: Number.isInteger(harmonics) ? Math.max(0, Math.min(MOST_HARMONICS, harmonics)) : 0,
    filters: said.get("filters")?.split(",").filter(Boolean) ?? null,
  };
}

// The same after a #; "" where nothing is folded and all is drawn.
export function hashOf({period, epoch, harmonics, filters}) {
  const said = new URLSearchParams();
  if (period) said.set("period", period);
  if (period && epoch) said.set("epoch", epoch);
  if (period && harmonics) said.set("harmonics", harmonics);
  if (filters) said.set("filters", filters.join(","));
  const text = said.toString().replaceAll("%2C", ",");
  return text && `#${text}`;
}
