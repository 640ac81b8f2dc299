// Cutouts and small light curves in the rows of a list, asked for when a row comes near the screen.

import {CurvePlot, coloursOfCurves, sizeOf} from "./curve-plot.js";
import {element} from "./elements.js";
import {getJson} from "./server.js";
import {curvesOf} from "./sheet-curves.js";

const WAIT_MS = 60, MOST = 50, NEAR = "300px";
const results = document.getElementById("results");
const waiting = [];
let timer = null;

const observer = new IntersectionObserver((entries) => {
  const near = entries.filter(({isIntersecting}) => isIntersecting).map(({target}) => target);
  near.forEach((row) => observer.unobserve(row));
  waiting.push(...near);
  if (near.length && timer === null) timer = setTimeout(load, WAIT_MS);
}, {rootMargin: NEAR});

function watch() {
  results.querySelectorAll("tr[data-thumbnails]").forEach((row) => observer.observe(row));
}

async function load() {
  timer = null;
  const rows = waiting.splice(0, MOST);
  if (waiting.length) timer = setTimeout(load, WAIT_MS);
  const asked = rows.map(({dataset}) => `id=${dataset.id}`).join("&");
  const found = await getJson(`${rows[0].dataset.thumbnails}?${asked}`).catch(() => ({}));
  rows.forEach((row) => fill(row, found[row.dataset.id]));
  drawAll(rows);
}

function fill(row, thumbnail) {
  const cutouts = row.querySelector(".cutouts-cell"), curve = row.querySelector(".curve-cell");
  cutouts?.replaceChildren(thumbnail?.cutouts ? pictureOf(thumbnail.cutouts) : "–");
  if (!curve) return;
  const container = element("span", {className: "row-curve"});
  curve.replaceChildren(container);
  container.plot = new CurvePlot(container, {isSmall: true});
  container.plot.show(curvesOf(thumbnail ?? {}));
}

const pictureOf = ({url, width, height}) =>
  element("img", {src: url, width, height, alt: "reference, image of the greatest change, and their difference"});

function drawAll(rows) {
  const plots = rows.map((row) => row.querySelector(".row-curve")?.plot).filter(Boolean);
  const colours = coloursOfCurves(), sizes = plots.map(({container}) => sizeOf(container));
  plots.forEach((plot, k) => plot.draw(sizes[k], colours));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll([...results.querySelectorAll("tr")]));
document.body.addEventListener("htmx:afterSettle", watch);
watch();
