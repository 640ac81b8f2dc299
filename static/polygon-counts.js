// How many polygons lie over each cell of a picture, so that visits are counted where they overlap.

export class PolygonCounts {
  constructor(width, height, cell) {
    Object.assign(this, {cell, columns: Math.ceil(width / cell), rows: Math.ceil(height / cell)});
    this.values = new Uint16Array(this.columns * this.rows);
  }

  // ``points``: [x, y] of its corners in pixels. A cell counts if its middle is inside.
  add(points) {
    const {cell, columns, rows, values} = this;
    const ys = points.map(([, y]) => y / cell - 0.5);
    const first = Math.max(0, Math.ceil(Math.min(...ys))), last = Math.min(rows - 1, Math.floor(Math.max(...ys)));
    for (let row = first; row <= last; row += 1) {
      const crossings = [];
      points.forEach(([x1], k) => {
        const next = (k + 1) % points.length, y1 = ys[k], y2 = ys[next];
        if ((y1 > row) !== (y2 > row)) crossings.push((x1 + (points[next][0] - x1) * (row - y1) / (y2 - y1)) / cell - 0.5);
      });
      crossings.sort((a, b) => a - b);
      for (let k = 0; k + 1 < crossings.length; k += 2) {
        const start = Math.max(0, Math.ceil(crossings[k])), end = Math.min(columns - 1, Math.floor(crossings[k + 1]));
        for (let column = start; column <= end; column += 1) values[row * columns + column] += 1;
      }
    }
  }
}
