// The signs of filters in small light curves: each filter a shape of its own, whatever its colour.

export const FILTER_SIGNS = {u: "diamond", g: "disc", r: "square", i: "triangle", z: "hexagon", Y: "star", VR: "upturned", other: "cross"};
const POLYGONS = {
  diamond: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  triangle: [[0, -1.1], [1.1, 0.9], [-1.1, 0.9]],
  upturned: [[0, 1.1], [1.1, -0.9], [-1.1, -0.9]],
  limit: [[0, 1.2], [1.1, -0.7], [-1.1, -0.7]],
  hexagon: [[1, 0], [0.5, 0.9], [-0.5, 0.9], [-1, 0], [-0.5, -0.9], [0.5, -0.9]],
  star: [[0, -1.3], [0.4, -0.4], [1.3, -0.3], [0.6, 0.3], [0.8, 1.2], [0, 0.7], [-0.8, 1.2], [-0.6, 0.3], [-1.3, -0.3], [-0.4, -0.4]],
  cross: [[-0.3, -1.1], [0.3, -1.1], [0.3, -0.3], [1.1, -0.3], [1.1, 0.3], [0.3, 0.3], [0.3, 1.1], [-0.3, 1.1], [-0.3, 0.3], [-1.1, 0.3], [-1.1, -0.3], [-0.3, -0.3]],
};

// Draws a sign in the colours of the pen, filled or in outline.
export function drawSign(pen, sign, x, y, size, isOpen = false) {
  pen.beginPath();
  const corners = POLYGONS[sign];
  if (corners) corners.forEach(([a, b], k) => pen[k ? "lineTo" : "moveTo"](x + size * a, y + size * b));
  else pen.arc(x, y, size, 0, 7);
  pen.closePath();
  if (isOpen) pen.stroke();
  else pen.fill();
}
