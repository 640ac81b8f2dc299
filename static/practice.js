// Practice: the light curve of a known star, folded as one likes, and the keys of the classes.

import {CurvePlot} from "./curve-plot.js";
import {byId, numberIn} from "./elements.js";
import {Folding} from "./folding.js";
import {hasModifier, isInField} from "./keys.js";
import {getJson} from "./server.js";

const curves = byId("curves"), form = byId("folding");
const {curves: data, periods} = await getJson(curves.dataset.url);
const curve = new CurvePlot(byId("light-curve"));
const folding = new Folding(curves, byId("period"), {mount: (container) => new CurvePlot(container, {hasLegend: false})});
curve.show(data);
await folding.show(data, periods, false, true);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  folding.fold(numberIn(byId("period")));
});
form.addEventListener("reset", () => folding.fold(null));
byId("half").addEventListener("click", () => folding.multiply(0.5));
byId("twice").addEventListener("click", () => folding.multiply(2));
document.addEventListener("keydown", (event) => {
  if (isInField(event) || hasModifier(event) || event.repeat || event.target.closest("dialog")) return;
  [...document.querySelectorAll(".answers button")].find((button) => button.dataset.key === event.key)?.click();
});
document.body.dataset.ready = "yes";
