// A candidate on a card: one key decides, and the next one is there.

import {LightCurve} from "./light-curve.js";
import {Palette, byId, decision, finish, listen, next, outbox, preload, say, takeBack, tile} from "./vetting.js";

const AHEAD = 4, EPOCHS = 8;
const state = {cards: [], at: 0, after: 0, left: null, more: false, exhausted: null, skipped: false, fetching: null};
const curve = await LightCurve.mount(byId("light-curve"), {height: 250});
const palette = new Palette((choice, label, how) => decide({action: "vote", choice}, label, how));
let blinking = null;

function current() {
  return state.cards[state.at];
}

// Cards are asked for while others are looked at; their pictures are decoded before they are shown.
async function fetchMore() {
  if (state.exhausted || state.cards.length - state.at > AHEAD) return;
  const batch = await next(state.after, state.skipped);
  state.after = batch.after;
  state.left = batch.left;
  if (!batch.objects.length) state.exhausted = batch;
  for (const card of batch.objects) {
    if (state.cards.some((c) => c.refsource_id === card.refsource_id && !c.decided)) continue;
    card.ready = card.cutouts ? preload(card.cutouts.url) : Promise.resolve();
    state.cards.push(card);
  }
  tellLeft();
}

function refill() {
  state.fetching ??= fetchMore()
    .catch((error) => say(`${error.message}: the next cards could not be fetched`))
    .finally(() => {
      state.fetching = null;
    });
  return state.fetching;
}

async function show() {
  let card = current();
  while (!card && !state.exhausted) {
    await refill();
    card = current();
  }
  byId("card").hidden = !card;
  if (!card) return finish(state.exhausted, takeSkipped);
  byId("done").hidden = true;
  draw(card);
  refill();
}

function draw(card) {
  stopBlinking();
  state.more = false;
  byId("source").textContent = card.refsource_id;
  byId("source").href = card.url;
  const change = card.change === null ? "vanished" : `${card.change > 0 ? "+" : ""}${card.change} mag`;
  byId("facts").textContent = `${card.filter} ${card.mag} · ${change}, ${card.significance} σ · detected ${card.n_detections} of ${card.n_epochs} · ${card.cause} · ${card.position} · ${card.galactic}`;
  byId("period").value = "";
  curve.period = null;
  curve.show(card.light_curves);
  byId("statistics").replaceChildren(...card.statistics.map(([name, value, unit]) => {
    const row = document.createElement("div"), term = document.createElement("dt"), data = document.createElement("dd");
    term.textContent = name;
    data.textContent = value === null ? "–" : `${value} ${unit}`;
    row.append(term, data);
    return row;
  }));
  const near = card.neighbours.slice(0, 4).map(([mag, distance]) => `${mag} mag at ${distance}″`);
  byId("around").textContent = near.length ? `Within 10″: ${card.neighbours.length} others; ${near.join(", ")}` : "No other source within 10″.";
  drawCutouts(card);
  byId("card").setAttribute("aria-busy", "false");
  byId("card").dataset.shown = card.refsource_id;
  tellLeft();
}

function drawCutouts(card) {
  const place = byId("cutouts");
  if (!card.cutouts) {
    place.textContent = "No cutouts are rendered of this candidate yet.";
    return;
  }
  const {cutouts} = card, epochs = state.more ? cutouts.epochs : cutouts.epochs.slice(0, EPOCHS);
  const column = (...parts) => {
    const div = document.createElement("div");
    div.append(...parts);
    return div;
  };
  const first = column(tile(cutouts, 0, 0, "reference"), caption("reference"));
  const others = epochs.map((epoch) => {
    const div = column(
      tile(cutouts, epoch.x, 0, "search"), tile(cutouts, epoch.x, cutouts.tile, "difference"),
      caption(epoch.change ? `${epoch.sigma} σ` : ""));
    div.classList.toggle("detected", epoch.change);
    return div;
  });
  place.replaceChildren(first, ...others);
}

function caption(text) {
  const small = document.createElement("small");
  small.textContent = text;
  return small;
}

function stopBlinking() {
  clearInterval(blinking);
  blinking = null;
}

function blink() {
  const card = current();
  if (!card?.cutouts) return;
  if (blinking) {
    stopBlinking();
    return drawCutouts(card);
  }
  let reference = false;
  const searches = [...byId("cutouts").querySelectorAll("svg[aria-label=search]")].map((svg) => [svg, svg.getAttribute("viewBox")]);
  const side = card.cutouts.tile;
  blinking = setInterval(() => {
    reference = !reference;
    for (const [svg, box] of searches) svg.setAttribute("viewBox", reference ? `0 0 ${side} ${side}` : box);
  }, 350);
}

function shownNow(card) {
  const epochs = card.cutouts ? (state.more ? card.cutouts.epochs.length : Math.min(EPOCHS, card.cutouts.epochs.length)) : 0;
  return {lane: "card", epochs: card.light_curves.filters.reduce((n, f) => n + f.mjd.length, 0), cutouts: epochs, folded: curve.period};
}

function decide(what, label, how) {
  const card = current();
  if (!card) return;
  outbox.add([decision(card, how, what, shownNow(card))]);
  if (!card.decided && state.left !== null) state.left -= 1;
  card.decided = label;
  say(`${label}: ${card.refsource_id}`);
  forward();
}

// To the next one without a decision.
function forward() {
  do state.at += 1; while (current()?.decided);
  show();
}

async function undo() {
  say("Taking back …");
  const [card] = await takeBack().catch((error) => {
    say(error.message);
    return [];
  });
  if (!card) return say("There is nothing left to take back");
  state.cards = state.cards.filter((c) => c.refsource_id !== card.refsource_id || !c.decided);
  state.at = Math.min(state.at, state.cards.length);
  while (state.at > 0 && state.cards.slice(0, state.at).filter((c) => c.decided).length < state.at) state.at -= 1;
  state.cards.splice(state.at, 0, card);
  if (state.left !== null) state.left += 1;
  say(`Taken back: ${card.refsource_id}`);
  show();
}

function look(step) {
  const to = state.at + step;
  if (to < 0 || to >= state.cards.length) return say("No further card is at hand");
  state.at = to;
  show();
}

function takeSkipped() {
  Object.assign(state, {cards: [], at: 0, after: 0, exhausted: null, skipped: true});
  show();
}

function tellLeft() {
  if (state.left !== null) byId("left").textContent = `${Math.max(state.left, 0).toLocaleString()} left`;
}

byId("folding").addEventListener("submit", (event) => {
  event.preventDefault();
  curve.fold(Number(byId("period").value.replace(",", ".")));
  byId("period").blur();
});
byId("folding").addEventListener("reset", () => curve.fold(null));
byId("commenting").addEventListener("submit", (event) => {
  event.preventDefault();
  const card = current(), box = byId("comment"), comment = box.value.trim();
  if (card && comment) outbox.add([decision(card, "key", {action: "comment", comment}, shownNow(card))]);
  say(comment ? "Comment saved" : "");
  box.value = "";
  byId("commenting").hidden = true;
});

listen(palette, {
  skip: (how) => decide({action: "skip"}, "skipped", how),
  undo, blink,
  comment: () => {
    byId("commenting").hidden = false;
    byId("comment").focus();
  },
  fold: () => byId("period").focus(),
  more: () => {
    state.more = !state.more;
    stopBlinking();
    if (current()) drawCutouts(current());
  },
  next: () => look(1), previous: () => look(-1),
}, {" ": "skip", z: "undo", Backspace: "undo", "/": "comment", b: "blink", f: "fold", m: "more", j: "next", k: "previous"});

await show();
document.body.dataset.ready = "yes";
