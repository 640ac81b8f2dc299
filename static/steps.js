// The round numbers at which an axis has its lines.

const ROUND = [1, 2, 5, 10];

// [number, its text] of about ``n`` round numbers from ``low`` to ``high``.
export function steps(low, high, n) {
  const rough = (high - low) / Math.max(n, 1), power = 10 ** Math.floor(Math.log10(rough));
  if (!Number.isFinite(power) || power <= 0) return [];
  const step = power * ROUND.find((one) => one * power >= rough), digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
  return Array.from({length: Math.max(count, 0)}, (_, k) => [(first + k) * step, ((first + k) * step).toFixed(digits).replace("-", "−")]);
}
