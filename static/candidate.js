// The page of one candidate: light curves, field, cutouts, and the keys to the next candidate.

import {Blinker} from "./blinking.js";
import {byId, element, numberIn} from "./elements.js";
import {showDiagram} from "./field-diagram.js";
import {MOST_HARMONICS, foldIn, hashOf} from "./fold-link.js";
import {Folding} from "./folding.js";
import {onKeysOf} from "./keys.js";
import {LightCurveChart} from "./light-curve.js";
import {Periodogram} from "./periodogram.js";
import {showPublished} from "./published-diagram.js";
import {getJson} from "./server.js";

// Does work that needs the server; where that fails, a note says so and the rest of the page stays.
async function orTell(note, work) {
  try {
    return await work();
  } catch (error) {
    note.textContent = "This could not be loaded. Load the page again; you may have been logged out.";
    console.warn(error);
  }
}

async function lightCurves() {
  const plot = byId("light-curve");
  const [curve, data] = await Promise.all([LightCurveChart.mount(plot, {height: 350}), getJson(plot.dataset.url)]);
  curve.show(data);
  const folding = new Folding(byId("curves"), byId("period"), {
    mount: (container) => LightCurveChart.mount(container, {height: 350, hasLegend: false}),
    onFold: (days) => {
      tellPeriod(days);
      periodogram?.mark(days);
      shape?.tell(days);
    },
  });
  let periodogram = null, shape = null;
  offerPeriodogram(async (container, found) => {
    periodogram = await Periodogram.mount(container, found, (days) => folding.fold(days));
    periodogram.mark(folding.period);
  });
  byId("align").addEventListener("click", ({currentTarget: button}) => {
    const aligned = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", aligned);
    curve.align(aligned);
    folding.align(aligned);
  });
  offerDetrended(data, (other) => {
    curve.show(other);
    folding.redraw(other);
  });
  listenToFolding(folding);
  const asked = foldIn(location.hash);
  const isCertain = byId("stored-periods")?.matches("[data-certain]") && !asked.period;
  await folding.show(data, storedPeriods(), isCertain);
  shape = new FoldShape(folding, curve, data);
  await shape.show(asked);
  addEventListener("hashchange", () => shape.show(foldIn(location.hash)));
}

// How folded curves are drawn, as the address of the page says it and as people change it.
class FoldShape {
  constructor(folding, curve, data) {
    Object.assign(this, {folding, curve, zero: byId("phase-zero"), harmonics: byId("harmonics"), at: ""});
    const names = [...new Set(data.filters.map((one) => one.filter))];
    this.boxes = names.map((name) => element("input", {type: "checkbox", checked: true, value: name}));
    byId("filters").hidden = names.length < 2;
    byId("filters").append(...this.boxes.map((box) => element("label", {}, box, ` ${box.value}`)));
    for (const input of [this.zero, this.harmonics, ...this.boxes]) input.addEventListener("change", () => this.change());
    byId("copy-link").addEventListener("click", () => this.copy());
  }

  // What an address asks for; filters that the star hasn't are left out.
  async show({period, epoch, harmonics, filters}) {
    const chosen = this.boxes.filter(({value}) => filters?.includes(value));
    for (const box of this.boxes) box.checked = !chosen.length || chosen.includes(box);
    this.zero.value = epoch ?? "";
    this.harmonics.value = harmonics;
    await this.change();
    if (period) await this.folding.fold(period);
  }

  change() {
    const zero = this.zero.value.trim() === "" ? null : numberIn(this.zero);
    const wrong = zero !== null && !(zero > 0);
    this.zero.setCustomValidity(wrong ? "The epoch of phase zero is a BJD, such as 2457755.5; empty: of the first measurement" : "");
    if (!this.zero.reportValidity()) return undefined;
    const harmonics = Math.max(0, Math.min(MOST_HARMONICS, Math.round(numberIn(this.harmonics)) || 0));
    const shown = this.boxes.filter((box) => box.checked);
    const hidden = new Set(shown.length ? this.boxes.filter((box) => !box.checked).map((box) => box.value) : []);
    Object.assign(this, {epoch: zero, n: harmonics, hidden});
    Object.assign(this.curve, {hidden}).draw();
    return this.folding.shapeAs({epoch: zero, harmonics, hidden});
  }

  // Has the address say it, so that it can be kept or sent to somebody.
  tell(period) {
    const filters = this.hidden?.size ? this.boxes.map((box) => box.value).filter((name) => !this.hidden.has(name)) : null;
    const hash = hashOf({period, epoch: this.epoch, harmonics: this.n, filters});
    history.replaceState(history.state, "", location.pathname + location.search + hash);
  }

  async copy() {
    const note = byId("periods");
    try {
      await navigator.clipboard.writeText(location.href);
      note.textContent = "The address of this fold is copied.";
    } catch (error) {
      // Browsers have a clipboard for pages by HTTPS alone, and people may forbid it.
      console.warn(error);
      note.textContent = `Copy it by hand: ${location.href}`;
    }
  }
}

// A button that has the curves drawn without the trends that stars share, and as measured again.
function offerDetrended(measured, draw) {
  const button = byId("detrend"), note = byId("periods");
  let detrended = null;
  button?.addEventListener("click", () => orTell(note, async () => {
    const isPressed = button.getAttribute("aria-pressed") !== "true";
    if (isPressed) detrended ??= await getJson(button.dataset.url);
    button.setAttribute("aria-pressed", isPressed);
    draw(isPressed ? detrended : measured);
  }));
}

// A button that opens the periodogram, which is computed when it is opened first.
function offerPeriodogram(draw) {
  const button = byId("show-periodogram"), below = byId("periodogram-below"), note = byId("periodogram-note");
  let wanted = true;
  button.addEventListener("click", () => {
    below.hidden = !below.hidden;
    button.setAttribute("aria-expanded", !below.hidden);
    if (!wanted) return;
    wanted = false;
    note.textContent = "Computing the periodogram …";
    orTell(note, async () => {
      const found = await getJson(button.dataset.url);
      note.textContent = found.note || "Share of the variance that one sinusoid explains, of "
        + `${found.n_epochs} measurements in ${found.n_filters} filter${found.n_filters === 1 ? "" : "s"}, without the trends `
        + "that stars share. Dots are the periods above, with what alias they may be; a click folds by the highest peak beneath it.";
      if (found.frequency.length) await draw(byId("periodogram"), found);
    });
  });
}

// A vote takes the period along by which the curve is folded.
function tellPeriod(days) {
  const input = byId("vote-period");
  if (input) input.value = days ?? "";
}

// The periods that the search in the light curves of all stars has stored, as buttons.
function storedPeriods() {
  return [...document.querySelectorAll("[data-days]")].map(({dataset}) => ({days: Number(dataset.days)}));
}

function listenToFolding(folding) {
  const form = byId("folding"), period = byId("period"), found = byId("periods");
  const typed = () => numberIn(period);
  const fold = (days) => folding.fold(Number(days));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = period.value.trim() !== "" && !(typed() > 0);
    period.setCustomValidity(wrong ? "A period is a positive number of days" : "");
    if (form.reportValidity()) fold(typed());
  });
  period.addEventListener("input", () => period.setCustomValidity(""));
  form.addEventListener("reset", () => {
    folding.fold(null);
    found.replaceChildren();
  });
  for (const button of form.querySelectorAll("[data-times]")) {
    button.addEventListener("click", () => folding.multiply(Number(button.dataset.times)));
  }
  for (const button of document.querySelectorAll("[data-days]")) {
    button.addEventListener("click", () => fold(button.dataset.days));
  }
  onKeysOf("candidate", {
    nextPeriod: () => folding.next(), half: () => folding.multiply(0.5), twice: () => folding.multiply(2),
    aliasAbove: () => folding.shift(1), aliasBelow: () => folding.shift(-1), unfold: () => folding.fold(null),
  });
  byId("find-period").addEventListener("click", ({target}) => {
    found.textContent = "Looking for periods …";
    orTell(found, async () => {
      const {periods, fold: strongest, note} = await getJson(target.dataset.url);
      found.replaceChildren(...periods.flatMap((one) => [periodButton(one, fold), " "]), note);
      if (strongest !== null) fold(significant(strongest));
    });
  });
}

const significant = (days) => String(Number(days.toPrecision(8)));

function periodButton({days, false_alarm: chance}, fold) {
  const probability = chance < 1e-4 ? chance.toExponential(0) : chance.toPrecision(2);
  return element("button", {
    type: "button", textContent: `${days.toPrecision(6)} d`, onclick: () => fold(significant(days)),
    title: `Noise alone has such a peak with a probability of ${probability}`,
  });
}

function cutouts() {
  const enlarged = byId("enlarged");
  if (!enlarged) return;
  const {size} = enlarged.dataset, button = byId("blink"), label = byId("epoch"), strip = byId("strip");
  const tiles = [...strip.querySelectorAll("button")];
  const [search, difference] = enlarged.querySelectorAll("[data-row]");
  let chosen = tiles.findIndex((tile) => tile.ariaPressed === "true");
  const draw = ({atReference, isBlinking}) => {
    const {dataset: {x}, title} = tiles[chosen];
    search.setAttribute("viewBox", `${atReference ? 0 : x} 0 ${size} ${size}`);
    difference.setAttribute("viewBox", `${x} ${size} ${size} ${size}`);
    search.classList.toggle("blinking", isBlinking);
    label.replaceChildren(atReference ? "Reference" : "Search", " ", element("small", {textContent: title}));
  };
  const blinker = new Blinker(draw);
  const choose = (index) => {
    chosen = Math.max(0, Math.min(tiles.length - 1, index));
    tiles.forEach((tile, k) => tile.setAttribute("aria-pressed", k === chosen));
    const tile = tiles[chosen];
    // Not scrollIntoView: that scrolls the page, too.
    const middle = tile.offsetLeft - strip.offsetLeft - (strip.clientWidth - tile.offsetWidth) / 2;
    strip.scrollTo({left: middle, behavior: "instant"});
    draw(blinker);
  };
  const blink = () => {
    // What changes without pause is not read aloud.
    label.ariaLive = blinker.isBlinking ? "polite" : "off";
    blinker.toggle();
    button.setAttribute("aria-pressed", blinker.isBlinking);
  };
  tiles.forEach((tile, k) => tile.addEventListener("click", () => choose(k)));
  button.addEventListener("click", blink);
  choose(chosen);
  onKeysOf("candidate", {blink, left: () => choose(chosen - 1), right: () => choose(chosen + 1)});
}

async function field() {
  const plot = byId("field-diagram");
  const data = await getJson(plot.dataset.url);
  await showDiagram(plot, byId("field-note"), data);
  await showPublished(byId("published"), data.published);
}

onKeysOf("candidate", {
  next: () => byId("next")?.click(), previous: () => byId("previous")?.click(), moved: () => byId("moved-to")?.click(),
});
cutouts();
// The light curves first: they are what people look for.
await orTell(byId("periods"), lightCurves);
document.body.dataset.curves = "yes";
await orTell(byId("field-note"), field);
document.body.dataset.ready = "yes";
