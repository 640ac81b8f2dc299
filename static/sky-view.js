// A part of the sky, or all of it, on a plane: Lambert's azimuthal projection of equal areas round the
// middle, north up and east left. Positions are unit vectors in the frame that is shown.

const RADIANS = Math.PI / 180;
// From equatorial (ICRS) to Galactic coordinates, rows of the rotation; the Hipparcos catalogue, vol. 1, 1.5.3.
const TO_GALACTIC = [
  [-0.0548755604, -0.8734370902, -0.4838350155],
  [0.4941094279, -0.4448296300, 0.7469822445],
  [-0.8676661490, -0.1980763734, 0.4559837762],
];
const NEAR_ANTIPODE = -0.98;  // cosine of the distance from the middle, beyond which shapes are torn

const dot = ([a, b, c], [x, y, z]) => a * x + b * y + c * z;

export function vectorOf(longitude, latitude) {
  const l = longitude * RADIANS, b = latitude * RADIANS;
  return [Math.cos(b) * Math.cos(l), Math.cos(b) * Math.sin(l), Math.sin(b)];
}

export function anglesOf([x, y, z]) {
  return [(Math.atan2(y, x) / RADIANS + 360) % 360, Math.asin(Math.max(-1, Math.min(1, z))) / RADIANS];
}

export const toGalactic = (vector) => TO_GALACTIC.map((row) => dot(row, vector));
export const toEquatorial = (vector) => [0, 1, 2].map((k) => TO_GALACTIC.reduce((sum, row, j) => sum + row[k] * vector[j], 0));

// East and north at a position, as unit vectors.
export function eastAndNorth(longitude, latitude) {
  const l = longitude * RADIANS, b = latitude * RADIANS;
  return [[-Math.sin(l), Math.cos(l), 0], [-Math.sin(b) * Math.cos(l), -Math.sin(b) * Math.sin(l), Math.cos(b)]];
}

// The position at offsets in degrees to the east and north of another, in the plane that touches the sky there.
export function offsetFrom([longitude, latitude], east, north) {
  const centre = vectorOf(longitude, latitude), [e, n] = eastAndNorth(longitude, latitude);
  const x = Math.tan(east * RADIANS), y = Math.tan(north * RADIANS), length = Math.hypot(1, x, y);
  return centre.map((c, k) => (c + x * e[k] + y * n[k]) / length);
}

export class SkyView {
  constructor() {
    this.resize(1, 1);
    this.look(0, 0, 360);
  }

  resize(width, height) {
    Object.assign(this, {width, height});
    this.scaleTo(this.degrees ?? 360);
  }

  // ``degrees``: from the left edge to the right one.
  look(longitude, latitude, degrees) {
    this.longitude = ((longitude % 360) + 360) % 360;
    this.latitude = Math.max(-90, Math.min(90, latitude));
    this.centre = vectorOf(this.longitude, this.latitude);
    [this.east, this.north] = eastAndNorth(this.longitude, this.latitude);
    this.scaleTo(degrees);
  }

  scaleTo(degrees) {
    this.degrees = Math.max(0.05, Math.min(360, degrees));
    // Half the width is 2 sin(angle / 2) in this projection.
    this.scale = this.width / 2 / (2 * Math.sin(this.degrees * RADIANS / 4));
  }

  // x and y in pixels; null near the point that lies opposite.
  place(vector) {
    const depth = dot(vector, this.centre);
    if (depth < NEAR_ANTIPODE) return null;
    const factor = Math.sqrt(2 / (1 + depth)) * this.scale;
    return [this.width / 2 - dot(vector, this.east) * factor, this.height / 2 - dot(vector, this.north) * factor];
  }

  // The position at a pixel; null beyond the sky.
  vectorAt(x, y) {
    const e = -(x - this.width / 2) / this.scale, n = -(y - this.height / 2) / this.scale, square = e * e + n * n;
    if (square > 4) return null;
    const depth = 1 - square / 2, factor = Math.sqrt(1 - square / 4);
    return this.centre.map((c, k) => c * depth + factor * (e * this.east[k] + n * this.north[k]));
  }

  // The radius in degrees of the circle round all that is seen.
  get radius() {
    const half = Math.hypot(this.width, this.height) / 2 / this.scale;
    return half >= 2 ? 180 : 2 * Math.asin(half / 2) / RADIANS;
  }
}

// Whether a position lies in a polygon of positions, which are all on its side of the sky.
export function isInPolygon(vector, polygon) {
  const [longitude, latitude] = anglesOf(vector), [east, north] = eastAndNorth(longitude, latitude);
  const points = polygon.map((corner) => (dot(corner, vector) > 0.2 ? [dot(corner, east), dot(corner, north)] : null));
  if (points.includes(null)) return false;
  let inside = false;
  points.forEach(([x1, y1], k) => {
    const [x2, y2] = points[(k + 1) % points.length];
    if ((y1 > 0) !== (y2 > 0) && 0 < (x2 - x1) * (0 - y1) / (y2 - y1) + x1) inside = !inside;
  });
  return inside;
}
