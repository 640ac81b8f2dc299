// A Fourier series through a folded light curve, by weighted least squares.

const LEAST_ERROR = 0.005;  // mag: no few points of tiny errors decide alone

// Sums of a constant, and of a cosine and a sine of each harmonic, at a phase.
function terms(phase, n) {
  const out = [1];
  for (let k = 1; k <= n; k += 1) out.push(Math.cos(2 * Math.PI * k * phase), Math.sin(2 * Math.PI * k * phase));
  return out;
}

// A function from phase to magnitude with ``n`` harmonics; null of too few points to tell.
export function fourierSeries(phases, mags, errors, n) {
  const size = 2 * n + 1;
  if (n < 1 || phases.length < size + 4) return null;
  const rows = Array.from({length: size}, () => new Array(size + 1).fill(0));
  phases.forEach((phase, at) => {
    const x = terms(phase, n), weight = 1 / ((errors[at] ?? 0) ** 2 + LEAST_ERROR ** 2);
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j < size; j += 1) rows[i][j] += weight * x[i] * x[j];
      rows[i][size] += weight * x[i] * mags[at];
    }
  });
  const found = solved(rows);
  return found && ((phase) => terms(phase, n).reduce((sum, x, i) => sum + x * found[i], 0));
}

// The solution of equations, each a row with its right side last; null where they don't tell it.
function solved(rows) {
  const size = rows.length, scale = Math.max(...rows.map((row, i) => row[i]));
  for (let i = 0; i < size; i += 1) {
    const pivot = rows.slice(i).reduce((best, row, k) => (Math.abs(row[i]) > Math.abs(rows[best][i]) ? i + k : best), i);
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    if (Math.abs(rows[i][i]) < 1e-9 * scale) return null;
    for (let k = i + 1; k < size; k += 1) {
      const factor = rows[k][i] / rows[i][i];
      for (let j = i; j <= size; j += 1) rows[k][j] -= factor * rows[i][j];
    }
  }
  const found = new Array(size);
  for (let i = size - 1; i >= 0; i -= 1) {
    const known = rows[i].slice(i + 1, size).reduce((sum, value, k) => sum + value * found[i + 1 + k], 0);
    found[i] = (rows[i][size] - known) / rows[i][i];
  }
  return found;
}
