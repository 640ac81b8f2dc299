// Vetting on cards: one candidate at a time; one key decides, and the next one is there.

import {toggleComments} from "./card-comments.js";
import {CandidateQueue} from "./candidate-queue.js";
import {CardCutouts} from "./card-cutouts.js";
import {ColourMagnitude, preloadDiagram} from "./colour-magnitude.js";
import {CurvePlot} from "./curve-plot.js";
import {cutoutBlinker, preload} from "./cutouts.js";
import {DecisionHistory, decision, outbox, undoEarlier} from "./decisions.js";
import {byId, element, numberIn, painted, say} from "./elements.js";
import {hashOf} from "./fold-link.js";
import {setFavourite} from "./favourites.js";
import {Folding} from "./folding.js";
import {keysOf} from "./keys.js";
import {Palette, changeOf, finish, listen, magnitudeOf} from "./vetting.js";

// Cards at hand beyond the one that is shown; how many cards are kept.
const AHEAD = 4, KEPT = 200;
// ``cards[at]`` is shown.
const state = {cards: [], at: 0, isMoved: false};
const curve = new CurvePlot(byId("light-curve"), {onPoint: (image) => showImage(image, "curve")});
const folding = new Folding(byId("curves"), byId("period"), {mount: mountFolded, onFold: tellPeriod});
const place = new ColourMagnitude(byId("place"));
const cutouts = new CardCutouts(byId("cutouts"), (image) => showImage(image, "cutouts"));
const palette = new Palette((choice, label, how) => decide({action: "vote", choice, period_days: folding.isMeant ? folding.period : null, ...movedTo()}, label, how));
const blinker = cutoutBlinker(byId("cutouts"));
const queue = new CandidateQueue(take);
const history = new DecisionHistory(KEPT);
const current = () => state.cards[state.at];
let folded = null;  // the plot of the folded curve, once there is one

function take(cards) {
  for (const card of cards) {
    if (state.cards.some((one) => one.refsource_id === card.refsource_id && !one.decided)) continue;
    if (card.cutouts) preload(card);
    preloadDiagram(card);
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
  byId("source").textContent = card.refsource_id;
  byId("source").href = card.url;
  byId("facts").textContent = `${magnitudeOf(card)} · ${changeOf(card)}, ${card.significance} σ · detected ${card.n_detections} of ${card.n_epochs}${card.score && ` · model: ${card.score}`}`;
  tellDecision();
  curve.show(card.light_curves);
  folding.show(card.light_curves, card.periods, card.is_periodic, true);
  place.show(card);
  blinker.stop();
  cutouts.show(card);
  byId("brighter").textContent = card.brighter && `Beside ${card.brighter}`;
  byId("brighter").hidden = !card.brighter;
  tellChangedStar(card.changed_star);
  setMoved(false);
  byId("known").textContent = `${capital(card.cause)} · in catalogues: ${card.known || "not looked up"}`;
  byId("published").replaceChildren(...card.published.map((textContent) => element("li", {textContent})));
  byId("statistics").replaceChildren(...card.statistics.map(([name, value, unit]) => element("div", {},
    element("dt", {textContent: name}), element("dd", {textContent: value === null ? "–" : `${value} ${unit}`}))));
  byId("around").textContent = [around(card.neighbours), card.position, card.galactic].join(" · ");
  byId("card").setAttribute("aria-busy", "false");
  byId("card").dataset.shown = card.refsource_id;
}

function tellChangedStar(changed) {
  byId("changed-star").hidden = !changed;
  byId("changed-star").textContent = changed ? [changed.sentence, changed.doubts.length && `Trust it less: ${changed.doubts.join("; ")}.`].filter(Boolean).join(" ") : "";
}

// Whether the vote is for the star that changes most likely, in place of this one.
function setMoved(isMoved) {
  state.isMoved = isMoved;
  byId("move").setAttribute("aria-pressed", isMoved);
  byId("move").disabled = !current()?.changed_star?.move_to;
}

function movedTo() {
  return state.isMoved ? {moved_to: current().changed_star.move_to} : {};
}

function move() {
  if (!current()?.changed_star?.move_to) return say("No other star is likelier to have changed");
  setMoved(!state.isMoved);
  say(state.isMoved ? "Your vote is for the likeliest star; this one will be called a blend" : "Your vote is for this star");
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

// The same epoch is marked on the curves and among the cutouts, wherever somebody points at it.
function showImage(image, from) {
  if (from === "curve") cutouts.mark(image);
  else for (const one of [curve, folded]) one?.mark(image);
}

function mountFolded(container) {
  folded = new CurvePlot(container, {hasLegend: false, onPoint: (image) => showImage(image, "curve")});
  return folded;
}

// A period that only the search proposes goes along with no vote until somebody chooses it.
function tellPeriod(days) {
  byId("source").href = (current()?.url ?? "") + hashOf({period: days});
  const isProposed = days !== null && !folding.isMeant;
  byId("proposed").hidden = !isProposed;
  byId("period").classList.toggle("is-proposed", isProposed);
}

function around(neighbours) {
  if (!neighbours.length) return "No other source within 10″";
  const near = neighbours.slice(0, 3).map(([mag, distance]) => `${mag.toFixed(2)} at ${distance.toFixed(1)}″`);
  return `Within 10″: ${neighbours.length}; ${near.join(", ")}`;
}

// What is on the screen of a card, which is kept with a decision on it.
function shownNow(card) {
  const measurements = card.light_curves.filters.reduce((sum, filter) => sum + filter.mjd.length, 0);
  return {lane: "card", epochs: measurements, cutouts: cutouts.nShown, folded: folding.period};
}

function decide(what, label, how) {
  const card = current();
  if (!card) return;
  if (what.moved_to) label = `${label}, of the neighbour`;
  history.decide([card], [decision(card, how, what, shownNow(card))], label);
  say(`${label}: ${card.refsource_id}`);
  do state.at += 1; while (current()?.decided);
  dropOld();
  show();
}

outbox.onScore = ({refsource_id, text}) => say(`${refsource_id} by the model: ${text}`);

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

async function favourite() {
  const card = current();
  if (!card) return;
  try {
    const isOne = await setFavourite(`${card.url}favourite/`);
    say(isOne ? `A favourite of yours: ${card.refsource_id}` : `No favourite any more: ${card.refsource_id}`);
  } catch ({message}) {
    say(message);
  }
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
  more: () => cutouts.toggleAll(), move,
  comments: () => current() && toggleComments(current()), favourite,
  left: () => cutouts.step(-1), right: () => cutouts.step(1),
  open: () => current() && window.open(byId("source").href, "_blank", "noopener"),
  next: () => look(1), previous: () => look(-1),
}, keysOf("card"));

await show();
document.body.dataset.ready = "yes";
