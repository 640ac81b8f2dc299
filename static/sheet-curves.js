// The small light curves of the tiles of a contact sheet: all drawn at once.

import {CurvePlot, coloursOfCurves, sizeOf} from "./curve-plot.js";
import {element} from "./elements.js";

// Of variables.vetting.small_curves: what the marks of a point are a sum of.
const DETECTION = 1, REFERENCE = 2, LIMIT = 4;

export class SheetCurves {
  constructor(sheet) {
    this.sheet = sheet;
    new ResizeObserver(() => this.draw()).observe(sheet);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // The element for a tile's curve, which is drawn with all others by ``draw``.
  made(object) {
    const container = element("span", {className: "tile-curve"});
    container.plot = new CurvePlot(container, {isSmall: true});
    container.plot.show(curvesOf(object));
    return container;
  }

  draw() {
    const plots = [...this.sheet.querySelectorAll(".tile-curve")].map(({plot}) => plot);
    const colours = coloursOfCurves(), sizes = plots.map(({container}) => sizeOf(container));
    plots.forEach((plot, k) => plot.draw(sizes[k], colours));
  }
}

// The curves of a tile in the form that cards have.
export function curvesOf({curves = []}) {
  return {filters: curves.map(([filter, points]) => ({filter, ...measured(points.filter(([, , marks]) => !(marks & LIMIT))),
    non_detections: missed(points.filter(([, , marks]) => marks & LIMIT))}))};
}

function measured(points) {
  return {
    mjd: points.map(([mjd]) => mjd), mag: points.map(([, mag]) => mag), mag_err: points.map(() => null), image_id: points.map(() => null),
    is_detection: points.map(([, , marks]) => Boolean(marks & DETECTION)), is_reference: points.map(([, , marks]) => Boolean(marks & REFERENCE)),
  };
}

function missed(points) {
  return {
    mjd: points.map(([mjd]) => mjd), limit_mag: points.map(([, limit]) => limit), image_id: points.map(() => null),
    is_detection: points.map(([, , marks]) => Boolean(marks & DETECTION)),
  };
}
