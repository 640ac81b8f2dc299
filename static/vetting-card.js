// A candidate on a card: one key decides, and the next one is there.

import {LightCurveChart} from "./light-curve.js";
import {Blinker, Palette, byId, changeOf, decision, element, finish, framed, listen, next, outbox, painted, preload, say, takeBackEarlier, tile} from "./vetting.js";

// Cards at hand beyond the one that is shown; how many epochs at first; how many cards are kept.
const AHEAD = 4, EPOCHS = 8, KEPT = 200;
// Below a curve of this height all else fits on a screen of 720 pixels.
const CURVE = 292, REST = 720 - CURVE;
const state = {cards: [], at: 0, history: [], after: 0, beyond: null, end: null, skipped: false, fetching: null, era: 0, all: false};
const height = matchMedia("(min-width: 1001px)").matches ? Math.max(CURVE, innerHeight - REST) : 300;
const curve = await LightCurveChart.mount(byId("light-curve"), {height});
const palette = new Palette((choice, label, how) => decide({action: "vote", choice}, label, how));
const blinker = new Blinker(byId("cutouts"));
const current = () => state.cards[state.at];

// Cards are asked for while others are looked at, and their pictures are decoded by then.
async function fetchMore() {
  const {era} = state;
  const batch = await next({after: state.after, skipped: state.skipped, count: state.beyond === null});
  if (era !== state.era) return;  // all was begun again meanwhile
  state.after = batch.after;
  state.beyond = batch.left ?? state.beyond - batch.objects.length;
  if (!batch.objects.length) state.end = batch;
  for (const card of batch.objects) {
    if (state.cards.some((one) => one.refsource_id === card.refsource_id && !one.decided)) continue;
    preload(card);
    state.cards.push(card);
  }
  tellLeft();
}

function refill() {
  if (state.end || state.cards.length - state.at > AHEAD) return state.fetching;
  const {era} = state;
  state.fetching ??= fetchMore().finally(() => {
    if (era !== state.era) return;
    state.fetching = null;
    refill();
  });
  return state.fetching;
}

async function show() {
  while (!current() && !state.end) await refill();
  const card = current();
  byId("card").hidden = !card;
  tellLeft();
  if (!card) return finish(state.end, takeSkipped);
  byId("done").hidden = true;
  draw(card);
  await painted();
  refill();
}

function draw(card) {
  state.all = false;
  byId("source").textContent = card.refsource_id;
  byId("source").href = card.url;
  byId("facts").textContent = `${card.filter} ${card.mag?.toFixed(2) ?? "–"} · ${changeOf(card)}, ${card.significance} σ · detected ${card.n_detections} of ${card.n_epochs} · ${card.cause}`;
  byId("decided").textContent = card.decided ? `you: ${card.decided}` : "";
  byId("period").value = "";
  curve.period = null;
  curve.show(card.light_curves);
  byId("statistics").replaceChildren(...card.statistics.map(([name, value, unit]) => element("div", {},
    element("dt", {textContent: name}), element("dd", {textContent: value === null ? "–" : `${value} ${unit}`}))));
  byId("around").textContent = `${around(card.neighbours)} · ${card.position} · ${card.galactic}`;
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
  const place = byId("cutouts"), {cutouts} = card;
  if (!cutouts) return place.replaceChildren(element("p", {className: "hint", textContent: "No cutouts are rendered of this candidate yet."}));
  const epochs = state.all ? cutouts.epochs : cutouts.epochs.slice(0, EPOCHS);
  const caption = (textContent) => element("small", {textContent});
  const more = cutouts.epochs.length - epochs.length;
  place.replaceChildren(
    element("div", {title: card.compass?.words ?? ""}, framed(tile(cutouts, 0, 0, "reference"), card.compass), caption("reference"), caption(more ? `${more} more` : "")),
    ...epochs.map((epoch) => element("div", {className: epoch.change ? "detected" : ""},
      tile(cutouts, epoch.x, 0, "search"), tile(cutouts, epoch.x, cutouts.tile, "difference"),
      caption(epoch.change ? `${epoch.sigma} σ` : "no change"))));
}

function shownNow(card) {
  const n = card.cutouts?.epochs.length ?? 0;
  const measurements = card.light_curves.filters.reduce((sum, filter) => sum + filter.mjd.length, 0);
  return {lane: "card", epochs: measurements, cutouts: state.all ? n : Math.min(EPOCHS, n), folded: curve.period};
}

function decide(what, label, how) {
  const card = current();
  if (!card) return;
  const made = decision(card, how, what, shownNow(card));
  outbox.decide([made]);
  state.history.push({card, key: made.key, before: card.decided});
  card.decided = label;
  say(`${label}: ${card.refsource_id}`);
  do state.at += 1; while (current()?.decided);
  forget();
  show();
}

// What the server refused is undecided again.
outbox.onRefused = ({decisions}) => {
  const keys = new Set((decisions ?? []).map(({key}) => key));
  for (const {card, key, before} of state.history) {
    if (keys.has(key)) card.decided = before;
  }
  state.history = state.history.filter(({key}) => !keys.has(key));
  byId("decided").textContent = current()?.decided ? `you: ${current().decided}` : "";
  tellLeft();
};

// Old cards are let go: a night's work doesn't fill the browser.
function forget() {
  const n = state.at - KEPT;
  if (n <= 0) return;
  state.cards.splice(0, n);
  state.at -= n;
  state.history.splice(0, state.history.length - KEPT);
}

async function undo() {
  const last = state.history.pop();
  if (!last) return undoEarlier();
  outbox.undo([last.key]);
  last.card.decided = last.before;
  if (!state.cards.includes(last.card)) state.cards.splice(state.at, 0, last.card);
  state.at = state.cards.indexOf(last.card);
  say(`Taken back: ${last.card.refsource_id}`);
  show();
}

async function undoEarlier() {
  say("Taking back …");
  const back = await takeBackEarlier().catch((error) => say(error.message));
  if (back === undefined) return;
  if (!back) return say("There is nothing left to take back");
  again({after: back.after});
  say("Taken back");
}

function again(change) {
  Object.assign(state, {cards: [], at: 0, after: 0, beyond: null, end: null, fetching: null, era: state.era + 1}, change);
  show();
}

function takeSkipped() {
  again({skipped: true});
}

function look(step) {
  if (!state.cards[state.at + step]) return say("No further card is at hand");
  state.at += step;
  show();
}

function tellLeft() {
  if (state.beyond === null) return;
  const left = state.beyond + state.cards.filter((card) => !card.decided).length;
  byId("left").textContent = `${Math.max(left, 0).toLocaleString("en")} left`;
}

function closeComment() {
  byId("comment").value = "";
  byId("commenting").hidden = true;
}

byId("folding").addEventListener("submit", (event) => {
  event.preventDefault();
  curve.fold(Number(byId("period").value.replace(",", ".")));
  byId("period").blur();
});
byId("folding").addEventListener("reset", () => curve.fold(null));
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
  fold: () => byId("period").select(),
  more: () => {
    state.all = !state.all;
    if (current()) drawCutouts(current());
  },
  open: () => current() && window.open(current().url, "_blank", "noopener"),
  next: () => look(1), previous: () => look(-1),
}, {" ": "skip", z: "undo", Backspace: "undo", "/": "comment", b: "blink", f: "fold", m: "more", o: "open", j: "next", k: "previous"});

await show();
document.body.dataset.ready = "yes";
