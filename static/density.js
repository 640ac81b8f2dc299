// A density: cells of a plane by how many stars each has, as an image in the colours of the page.

// How many stars are in each cell, of ``width`` times ``height`` in rows from the lower left, given
// the numbers of ``cells`` that have any, and their ``counts``.
export function countsOf({cells, counts, width, height}) {
  const values = new Uint32Array(width * height);
  cells.forEach((cell, k) => { values[cell] = counts[k]; });
  return {values, width, height};
}

// Cells as colours, by the logarithm of the stars in each, from one colour of the page to another.
export function coloured({values, width, height}) {
  const [pale, full] = ["--density-1", "--density-2"].map(colourOf);
  const most = Math.log1p(values.reduce((a, b) => Math.max(a, b), 0)) || 1;
  const pixels = new Uint32Array(values.length);
  values.forEach((n, k) => {
    if (!n) return;
    const share = Math.log1p(n) / most;
    const [r, g, b] = pale.map((from, c) => Math.round(from + share * (full[c] - from)));
    pixels[k] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
  return Bokeh.require("core/util/ndarray").ndarray(pixels, {dtype: "uint32", shape: [height, width]});
}

// Draws images whose source's columns are ``image`` and its corner and size ``x``, ``y``, ``dw``, ``dh``.
export function addImages(plot, source) {
  plot.image_rgba({field: "image"}, {field: "x"}, {field: "y"}, {field: "dw"}, {field: "dh"}, {source});
}

// A value that the page's styles give a name.
export const valueOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function colourOf(name) {
  const digits = valueOf(name).slice(1);
  return [0, 2, 4].map((k) => parseInt(digits.slice(k, k + 2), 16));
}
