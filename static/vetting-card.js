// Vetting on cards: one candidate at a time; one key decides, and the next one is there.

import {CandidateQueue} from "./candidate-queue.js";
import {cutoutBlinker, framed, preload, tile} from "./cutouts.js";
import {DecisionHistory, decision, outbox, undoEarlier} from "./decisions.js";
import {byId, element, numberIn, painted, say} from "./elements.js";
import {Folding} from "./folding.js";
import {LightCurveChart} from "./light-curve.js";
import {Palette, changeOf, finish, listen, magnitudeOf} from "./vetting.js";

// Cards at hand beyond the one that is shown; how many epochs at first; how many cards are kept.
const AHEAD = 4, EPOCHS = 8, KEPT = 200;
// Below a curve of this height all else fits on a screen of 720 pixels.
const CURVE = 292, REST = 720 - CURVE;
// ``cards[at]`` is shown, with the cutouts of all its epochs if ``all``.
const state = {cards: [], at: 0, all: false};
const height = matchMedia("(min-width: 1001px)").matches ? Math.max(CURVE, innerHeight - REST) : 300;
const curve = await LightCurveChart.mount(byId("light-curve"), {height});
const folding = new Folding(byId("curves"), byId("period"), {height});
const palette = new Palette((choice, label, how) => decide({action: "vote", choice, period_days: folding.period}, label, how));
const blinker = cutoutBlinker(byId("cutouts"));
const queue = new CandidateQueue(take);
const history = new DecisionHistory(KEPT);
const current = () => state.cards[state.at];

function take(cards) {
  for (const card of cards) {
    if (state.cards.some((one) => one.refsource_id === card.refsource_id && !one.decided)) continue;
    if (card.cutouts) preload(card);
    state.cards.push(card);
  }
  tellLeft();
}

// Cards are fetched while others are looked at, and their pictures are decoded by then.
async function refill() {
  while (!queue.end && state.cards.length - state.at <= AHEAD) await queue.fetch();
}

async function show() {
  while (!current() && !queue.end) await queue.fetch();
  const card = current();
  byId("card").hidden = !card;
  tellLeft();
  if (!card) return finish(queue.end, () => restart({skipped: true}));
  byId("done").hidden = true;
  draw(card);
  await painted();
  refill();
}

function draw(card) {
  state.all = false;
  byId("source").textContent = card.refsource_id;
  byId("source").href = card.url;
  byId("facts").textContent = `${magnitudeOf(card)} · ${changeOf(card)}, ${card.significance} σ · detected ${card.n_detections} of ${card.n_epochs}${card.known && ` · catalogues: ${card.known}`} · ${card.cause}`;
  tellDecision();
  curve.show(card.light_curves);
  folding.show(card.light_curves, card.periods, card.is_periodic);
  byId("statistics").replaceChildren(...card.statistics.map(([name, value, unit]) => element("div", {},
    element("dt", {textContent: name}), element("dd", {textContent: value === null ? "–" : `${value} ${unit}`}))));
  byId("around").textContent = [card.known_text, around(card.neighbours), card.position, card.galactic].filter(Boolean).join(" · ");
  byId("around").title = card.known_text;
  drawCutouts(card);
  byId("card").setAttribute("aria-busy", "false");
  byId("card").dataset.shown = card.refsource_id;
}

function around(neighbours) {
  if (!neighbours.length) return "No other source within 10″";
  const near = neighbours.slice(0, 3).map(([mag, distance]) => `${mag.toFixed(2)} mag at ${distance.toFixed(1)}″`);
  return `Within 10″: ${neighbours.length}; ${near.join(", ")}`;
}

function drawCutouts(card) {
  blinker.stop();
  const grid = byId("cutouts"), {cutouts} = card;
  if (!cutouts) return grid.replaceChildren(element("p", {className: "hint", textContent: "No cutouts are rendered of this candidate yet."}));
  const epochs = state.all ? cutouts.epochs : cutouts.epochs.slice(0, EPOCHS);
  const caption = (textContent) => element("small", {textContent});
  const more = cutouts.epochs.length - epochs.length;
  grid.replaceChildren(
    element("div", {title: card.compass?.words ?? ""}, framed(tile(cutouts, 0, 0, "reference"), card.compass), caption("reference"), caption(more ? `${more} more` : "")),
    ...epochs.map((epoch) => element("div", {className: epoch.change ? "detected" : ""},
      tile(cutouts, epoch.x, 0, "search"), tile(cutouts, epoch.x, cutouts.tile, "difference"),
      caption(epoch.change ? `${epoch.sigma} σ` : "no change"))));
}

// What is on the screen of a card, which is kept with a decision on it.
function shownNow(card) {
  const n = card.cutouts?.epochs.length ?? 0;
  const measurements = card.light_curves.filters.reduce((sum, filter) => sum + filter.mjd.length, 0);
  return {lane: "card", epochs: measurements, cutouts: state.all ? n : Math.min(EPOCHS, n), folded: folding.period};
}

function decide(what, label, how) {
  const card = current();
  if (!card) return;
  history.decide([card], [decision(card, how, what, shownNow(card))], label);
  say(`${label}: ${card.refsource_id}`);
  do state.at += 1; while (current()?.decided);
  dropOld();
  show();
}

outbox.onRefused = ({decisions}) => {
  history.refuse(decisions);
  tellDecision();
  tellLeft();
};

// A night's work doesn't fill the browser.
function dropOld() {
  const n = Math.max(state.at - KEPT, 0);
  state.cards.splice(0, n);
  state.at -= n;
}

async function undo() {
  const last = history.undo();
  if (!last) {
    if (await undoEarlier(restart)) say("Taken back");
    return;
  }
  const [card] = last.candidates;
  if (!state.cards.includes(card)) state.cards.splice(state.at, 0, card);
  state.at = state.cards.indexOf(card);
  say(`Taken back: ${card.refsource_id}`);
  show();
}

function restart(from) {
  queue.restart(from);
  Object.assign(state, {cards: [], at: 0});
  show();
}

function look(step) {
  if (!state.cards[state.at + step]) return say("No further card is at hand");
  state.at += step;
  show();
}

function tellLeft() {
  if (queue.beyond === null) return;
  const left = queue.beyond + state.cards.filter((card) => !card.decided).length;
  byId("left").textContent = `${Math.max(left, 0).toLocaleString("en")} left`;
}

function nextPeriod() {
  if (!folding.periods.length) return say("No period was found");
  folding.next();
  const {days, alias} = folding.periods[folding.at];
  return say(`Period ${folding.at + 1} of ${folding.periods.length}: ${Number(days.toPrecision(8))} d${alias && `, perhaps ${alias}`}`);
}

function tellDecision() {
  byId("decided").textContent = current()?.decided ? `you: ${current().decided}` : "";
}

function closeComment() {
  byId("comment").value = "";
  byId("commenting").hidden = true;
}

byId("folding").addEventListener("submit", (event) => {
  event.preventDefault();
  folding.fold(numberIn(byId("period")));
  byId("period").blur();
});
byId("folding").addEventListener("reset", () => folding.fold(null));
byId("commenting").addEventListener("submit", (event) => {
  event.preventDefault();
  const card = current(), comment = byId("comment").value.trim();
  if (card && comment) outbox.decide([decision(card, "key", {action: "comment", comment}, shownNow(card))]);
  closeComment();
  say(comment ? `Comment on ${card.refsource_id}: ${comment}` : "");
});

listen(palette, {
  skip: (how) => decide({action: "skip"}, "skipped", how),
  undo, blink: () => blinker.toggle(), escape: closeComment,
  comment: () => {
    byId("commenting").hidden = false;
    byId("comment").focus();
  },
  fold: () => byId("period").select(), unfold: () => folding.fold(null),
  nextPeriod,
  half: () => folding.multiply(0.5), twice: () => folding.multiply(2),
  aliasAbove: () => folding.shift(1), aliasBelow: () => folding.shift(-1),
  more: () => {
    state.all = !state.all;
    if (current()) drawCutouts(current());
  },
  open: () => current() && window.open(current().url, "_blank", "noopener"),
  next: () => look(1), previous: () => look(-1),
}, {" ": "skip", z: "undo", Backspace: "undo", "/": "comment", b: "blink", f: "fold", "0": "unfold", ".": "nextPeriod", "[": "half", "]": "twice", "+": "aliasAbove", "-": "aliasBelow", m: "more", o: "open", j: "next", k: "previous"});

await show();
document.body.dataset.ready = "yes";
