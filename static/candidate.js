// The page of one candidate: its light curves, its field, its cutouts, and the way to the next.

import {LightCurve} from "./light-curve.js";
import {showDiagram} from "./field-diagram.js";

const get = async (url) => {
  const response = await fetch(url, {headers: {Accept: "application/json"}});
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
};
const byId = (id) => document.getElementById(id);

async function lightCurves() {
  const place = byId("light-curve");
  const [curve, data] = await Promise.all([LightCurve.mount(place, {height: 340}), get(place.dataset.url)]);
  curve.show(data);
  const form = byId("folding"), period = byId("period"), said = byId("periods");
  const fold = (days) => {
    period.value = days;
    curve.fold(Number(days));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const days = Number(period.value.replace(",", "."));
    const wrong = period.value !== "" && !(days > 0);
    period.setCustomValidity(wrong ? "A period is a positive number of days" : "");
    if (form.reportValidity()) curve.fold(days);
  });
  period.addEventListener("input", () => period.setCustomValidity(""));
  form.addEventListener("reset", () => {
    curve.fold(null);
    said.replaceChildren();
  });
  for (const button of form.querySelectorAll("[data-times]")) {
    button.addEventListener("click", () => period.value && fold(Number(period.value) * button.dataset.times));
  }
  byId("find-period").addEventListener("click", async (event) => {
    said.textContent = "Looking for periods …";
    const {periods, n_epochs, min_epochs} = await get(event.target.dataset.url);
    if (!periods.length) {
      said.textContent = `Too few epochs: ${n_epochs}, where a period takes ${min_epochs} at least.`;
      return;
    }
    said.replaceChildren("Strongest periods: ");
    for (const {days, false_alarm} of periods) {
      const button = document.createElement("button");
      button.textContent = `${days.toPrecision(6)} d`;
      button.title = `chance of such a peak from noise alone: ${false_alarm.toExponential(1)}`;
      button.addEventListener("click", () => fold(days.toPrecision(8)));
      said.append(button, " ");
    }
    fold(periods[0].days.toPrecision(8));
  });
}

function cutouts() {
  const enlarged = byId("enlarged"), strip = byId("strip");
  if (!enlarged) return;
  const tile = Number(enlarged.dataset.tile);
  const buttons = [...strip.querySelectorAll("button")];
  const [search, difference] = ["search", "difference"].map((name) => enlarged.querySelector(`.${name}`));
  let chosen = -1, blinking = null;
  const choose = (index) => {
    chosen = Math.max(0, Math.min(buttons.length - 1, index));
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", k === chosen));
    const x = buttons[chosen].dataset.x;
    search.setAttribute("viewBox", `${x} 0 ${tile} ${tile}`);
    difference.setAttribute("viewBox", `${x} ${tile} ${tile} ${tile}`);
    buttons[chosen].scrollIntoView({block: "nearest", inline: "nearest"});
  };
  const blink = () => {
    if (blinking) {
      clearInterval(blinking);
      blinking = null;
      choose(chosen);
      return;
    }
    let reference = false;
    blinking = setInterval(() => {
      reference = !reference;
      const x = reference ? 0 : buttons[chosen].dataset.x;
      search.setAttribute("viewBox", `${x} 0 ${tile} ${tile}`);
    }, 350);
  };
  buttons.forEach((button, k) => button.addEventListener("click", () => choose(k)));
  if (buttons.length) choose(Math.max(0, buttons.findIndex((button) => "detected" in button.dataset)));
  onKeys({b: blink, ArrowLeft: () => choose(chosen - 1), ArrowRight: () => choose(chosen + 1)});
}

function onKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || !(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  });
}

onKeys({j: () => byId("next")?.click(), k: () => byId("previous")?.click()});
cutouts();
await Promise.all([
  lightCurves(),
  get(byId("field-diagram").dataset.url).then((data) => showDiagram(byId("field-diagram"), byId("field-note"), data)),
]);
document.body.dataset.ready = "yes";
