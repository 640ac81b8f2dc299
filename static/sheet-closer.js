// The tile of a contact sheet that is chosen, larger, beside the sheet where the window has room.

import {CurvePlot} from "./curve-plot.js";
import {tile} from "./cutouts.js";
import {element} from "./elements.js";
import {curvesOf} from "./sheet-curves.js";
import {changeOf, magnitudeOf} from "./vetting.js";

export class Closer {
  // Nothing is drawn where the styles hide ``panel``.
  constructor(panel) {
    const plot = element("div", {className: "plot"});
    Object.assign(this, {panel, pictures: element("div", {className: "closer-cutouts"}), facts: element("p", {className: "hint"}), object: null});
    panel.append(this.pictures, element("div", {className: "plots"}, plot), this.facts);
    this.curve = new CurvePlot(plot, {hasLegend: false});
    new ResizeObserver(() => this.show(this.object)).observe(panel);
  }

  show(object) {
    this.object = object;
    if (!object || !this.panel.clientHeight) return;
    const {cutouts} = object;
    this.pictures.replaceChildren(...(cutouts ? ["reference", "search", "difference"].map((name, k) => tile(cutouts, k * cutouts.tile, 0, name)) : []));
    this.facts.textContent = [`${magnitudeOf(object)}, ${changeOf(object)}, ${object.significance} σ`, `detected ${object.n_detections} of ${object.n_epochs}`,
      object.group, object.known_text || (object.known && `catalogues: ${object.known}`)].filter(Boolean).join(" · ");
    this.curve.show(curvesOf(object));
  }
}
