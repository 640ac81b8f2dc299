// The page of one candidate: its light curves, its field, its cutouts, and the way to the next.

import {LightCurveChart} from "./light-curve.js";
import {showDiagram} from "./field-diagram.js";

const BLINK_MS = 400;
const byId = (id) => document.getElementById(id);

async function get(url) {
  const response = await fetch(url, {headers: {Accept: "application/json"}});
  if (!response.ok || response.redirected) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

// Says so where something can't be fetched, and leaves the rest of the page as it is.
async function orSay(element, work) {
  try {
    return await work();
  } catch (error) {
    element.textContent = "This could not be loaded. Load the page again; you may have been logged out.";
    console.warn(error);
  }
}

async function lightCurves() {
  const place = byId("light-curve");
  const [curve, data] = await Promise.all([LightCurveChart.mount(place, {height: 350}), get(place.dataset.url)]);
  curve.show(data);
  folding(curve);
  byId("align").addEventListener("click", ({currentTarget: button}) => {
    const aligned = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", aligned);
    curve.align(aligned);
  });
}

function folding(curve) {
  const form = byId("folding"), period = byId("period"), said = byId("periods");
  const typed = () => Number(period.value.trim().replace(",", "."));
  const fold = (days) => {
    period.value = days;
    curve.fold(Number(days));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = period.value.trim() !== "" && !(typed() > 0);
    period.setCustomValidity(wrong ? "A period is a positive number of days" : "");
    if (form.reportValidity()) curve.fold(typed());
  });
  period.addEventListener("input", () => period.setCustomValidity(""));
  form.addEventListener("reset", () => {
    curve.fold(null);
    said.replaceChildren();
  });
  for (const button of form.querySelectorAll("[data-times]")) {
    button.addEventListener("click", () => typed() > 0 && fold(significant(typed() * button.dataset.times)));
  }
  byId("find-period").addEventListener("click", ({target}) => {
    said.textContent = "Looking for periods …";
    orSay(said, async () => {
      const {periods, fold: strongest, note} = await get(target.dataset.url);
      said.replaceChildren(...periods.flatMap((found) => [periodButton(found, fold), " "]), note);
      if (strongest !== null) fold(significant(strongest));
    });
  });
}

const significant = (days) => String(Number(days.toPrecision(8)));

function periodButton({days, false_alarm: chance}, fold) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `${days.toPrecision(6)} d`;
  button.title = `Noise alone has such a peak with a probability of ${chance < 1e-4 ? chance.toExponential(0) : chance.toPrecision(2)}`;
  button.addEventListener("click", () => fold(significant(days)));
  return button;
}

function cutouts() {
  const enlarged = byId("enlarged");
  if (!enlarged) return;
  const size = enlarged.dataset.size, blinker = byId("blink"), said = byId("epoch");
  const tiles = [...byId("strip").querySelectorAll("button")];
  const [search, difference] = enlarged.querySelectorAll("[data-row]");
  let chosen = tiles.findIndex((tile) => tile.ariaPressed === "true"), timer = null, atReference = false;
  const look = () => {
    const x = tiles[chosen].dataset.x;
    search.setAttribute("viewBox", `${atReference ? 0 : x} 0 ${size} ${size}`);
    difference.setAttribute("viewBox", `${x} ${size} ${size} ${size}`);
    search.classList.toggle("blinking", timer !== null);
    const caption = document.createElement("small");
    caption.textContent = tiles[chosen].title;
    said.replaceChildren(atReference ? "Reference" : "Search", " ", caption);
  };
  const choose = (index) => {
    chosen = Math.max(0, Math.min(tiles.length - 1, index));
    tiles.forEach((tile, k) => tile.setAttribute("aria-pressed", k === chosen));
    const strip = byId("strip"), tile = tiles[chosen];
    // Not scrollIntoView: that scrolls the page, too.
    const middle = tile.offsetLeft - strip.offsetLeft - (strip.clientWidth - tile.offsetWidth) / 2;
    strip.scrollTo({left: middle, behavior: "instant"});
    look();
  };
  const blink = () => {
    clearInterval(timer);
    timer = timer === null ? setInterval(() => { atReference = !atReference; look(); }, BLINK_MS) : null;
    atReference = false;
    said.ariaLive = timer === null ? "polite" : "off";
    blinker.setAttribute("aria-pressed", timer !== null);
    look();
  };
  tiles.forEach((tile, k) => tile.addEventListener("click", () => choose(k)));
  blinker.addEventListener("click", blink);
  choose(chosen);
  onKeys({b: blink, ArrowLeft: () => choose(chosen - 1), ArrowRight: () => choose(chosen + 1)});
}

function onKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable], dialog");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || !(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  });
}

async function field() {
  const place = byId("field-diagram");
  await showDiagram(place, byId("field-note"), await get(place.dataset.url));
}

onKeys({j: () => byId("next")?.click(), k: () => byId("previous")?.click()});
cutouts();
// The light curves first: they are what people look for.
await orSay(byId("periods"), lightCurves);
document.body.dataset.curves = "yes";
await orSay(byId("field-note"), field);
document.body.dataset.ready = "yes";
