// Small folded light curves, drawn as those of contact sheets are.

import {CurvePlot, coloursOfCurves, sizeOf} from "./curve-plot.js";
import {curvesOf} from "./sheet-curves.js";

const plots = [...document.querySelectorAll(".fold-curve")].map((container) => {
  const plot = new CurvePlot(container, {isSmall: true});
  plot.period = Number(container.dataset.period);
  plot.show(curvesOf({curves: JSON.parse(container.dataset.curves)}));
  return plot;
});

function draw() {
  const colours = coloursOfCurves(), sizes = plots.map(({container}) => sizeOf(container));
  plots.forEach((plot, k) => plot.draw(sizes[k], colours));
}

const list = document.querySelector(".folds");
if (list) new ResizeObserver(draw).observe(list);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
