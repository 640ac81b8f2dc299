// A contact sheet of one-offs: the exceptions are decided, the rest is marked in one stroke.

import {Blinker, Palette, byId, changeOf, decision, element, finish, listen, newKey, next, outbox, painted, preload, say, takeBackEarlier, tile} from "./vetting.js";

const KEPT = 20;  // strokes and decisions that can be taken back at once
const sheet = byId("sheet"), rest = byId("stroke-class");
const state = {objects: [], at: 0, selected: new Set(), history: [], queue: [], loaded: [], after: 0, beyond: null, skipped: false, chosen: false, turning: false, era: 0};
const palette = new Palette((choice, label, how) => mark({action: "vote", choice}, label, how));
const blinker = new Blinker(sheet);

async function load() {
  const {era} = state;
  const batch = await next({after: state.after, skipped: state.skipped, count: state.beyond === null});
  if (era !== state.era) return batch;  // all was begun again meanwhile
  state.after = batch.after;
  state.beyond = batch.left ?? state.beyond - batch.objects.length;
  state.loaded = [...state.loaded.slice(-KEPT), batch.objects];
  batch.pictures = Promise.all(batch.objects.map(preload));
  return batch;
}

// The next sheet is there by now; the one after it is asked for when this one is on the screen.
async function turn() {
  state.turning = true;
  const batch = await (state.queue.shift() ?? load());
  await batch.pictures;
  state.turning = false;
  lay(batch.objects);
  if (!batch.objects.length) return finish(batch, () => again({skipped: true}));
  await painted();
  if (!state.queue.length && !state.turning) state.queue.push(load());
}

function again(change) {
  Object.assign(state, {after: 0, queue: [], loaded: [], beyond: null, era: state.era + 1}, change);
  return turn();
}

function lay(objects) {
  const first = objects.findIndex((object) => !object.decided);
  Object.assign(state, {objects, at: Math.max(first, 0)});
  state.selected.clear();
  byId("done").hidden = true;
  suggest();
  draw();
}

// What the rest probably is, unless somebody chose otherwise.
function suggest() {
  if (state.chosen) return;
  const causes = new Set(remaining().map((object) => object.likely));
  const [only] = causes, values = [...rest.options].map((option) => option.value);
  const named = values.find((value) => value.endsWith(`/artifact-${only}`));
  rest.value = causes.size === 1 && only === "real" ? "uncertain" : (causes.size === 1 && named) || "artifact";
}

function draw() {
  blinker.stop();
  const groups = new Map();
  state.objects.forEach((object, k) => groups.set(object.group, [...(groups.get(object.group) ?? []), k]));
  sheet.replaceChildren(...[...groups].map(([name, members]) => element("section", {},
    element("h2", {textContent: name}, element("small", {textContent: ` ${members.length}`})),
    element("div", {className: "tiles"}, ...members.map((k) => drawn(state.objects[k], k))))));
  sheet.setAttribute("aria-busy", "false");
  sheet.hidden = !state.objects.length;
  scrollTo(0, 0);
  move(state.at);
  tell();
}

function drawn(object, k) {
  const button = element("button", {type: "button", className: "tile-button"});
  button.dataset.index = k;
  button.setAttribute("aria-label", `${object.refsource_id}, ${changeOf(object)}, ${object.significance} sigma`);
  const {cutouts} = object, epoch = cutouts?.epochs[0];
  button.append(...(epoch ? [
    tile(cutouts, 0, 0, "reference"), tile(cutouts, epoch.x, 0, "search"), tile(cutouts, epoch.x, cutouts.tile, "difference"),
  ] : [element("span", {className: "no-cutouts", textContent: "no cutouts yet"})]));
  button.append(
    element("small", {textContent: `${object.filter} ${object.mag?.toFixed(2) ?? "–"} · ${changeOf(object)} · ${object.significance} σ`}),
    element("b", {className: "mark"}));
  button.addEventListener("click", () => move(k));
  button.addEventListener("dblclick", open);
  return button;
}

const buttons = () => [...sheet.querySelectorAll(".tile-button")];
const tileAt = (k) => sheet.querySelector(`[data-index="${k}"]`);

function move(k) {
  if (!state.objects.length) return;
  state.at = Math.max(0, Math.min(state.objects.length - 1, k));
  for (const button of buttons()) paint(button);
  tileAt(state.at).focus({preventScroll: true});
  tileAt(state.at).scrollIntoView({block: "nearest"});
}

function paint(button) {
  const own = Number(button.dataset.index), {decided} = state.objects[own];
  button.classList.toggle("at", own === state.at);
  button.classList.toggle("selected", state.selected.has(own));
  button.classList.toggle("decided", Boolean(decided));
  button.setAttribute("aria-pressed", state.selected.has(own));
  button.querySelector(".mark").textContent = decided ?? "";
  button.tabIndex = own === state.at ? 0 : -1;
}

// Up and down go to the nearest tile in the next row, whatever the groups are.
function vertical(step) {
  const from = tileAt(state.at).getBoundingClientRect();
  const others = buttons().map((button) => [Number(button.dataset.index), button.getBoundingClientRect()])
    .map(([k, box]) => ({k, below: step * (box.top - from.top), beside: Math.abs(box.left - from.left)}))
    .filter(({below}) => below > 4);
  const nearest = Math.min(...others.map(({below}) => below));
  const row = others.filter(({below}) => below < nearest + 4).sort((a, b) => a.beside - b.beside);
  if (row.length) move(row[0].k);
}

const remaining = () => state.objects.filter((object) => !object.decided);

function tell() {
  byId("remaining").textContent = remaining().length;
  const left = state.beyond + state.loaded.flat().filter((object) => !object.decided).length;
  byId("left").textContent = `${Math.max(left, 0).toLocaleString("en")} left`;
}

// One key decides the tile, or all that are selected.
function mark(what, label, how) {
  const chosen = (state.selected.size ? [...state.selected] : [state.at]).map((k) => state.objects[k]).filter(Boolean);
  if (chosen.length) record(chosen, what, label, chosen.length > 1 ? "bulk" : how);
}

function stroke() {
  const {value, textContent} = rest.selectedOptions[0], left = remaining();
  if (left.length) record(left, {action: "vote", choice: value}, textContent, "bulk");
}

function record(objects, what, label, how) {
  if (state.turning) return;
  const shown = {lane: "sheet", tiles: state.objects.length, ...(objects.length > 1 && {stroke: newKey()})};
  const made = objects.map((object) => decision(object, how, what, shown));
  outbox.decide(made);
  state.history.push({sheet: state.objects, objects, keys: made.map(({key}) => key), before: objects.map(({decided}) => decided)});
  state.history.splice(0, state.history.length - KEPT);
  for (const object of objects) object.decided = label;
  state.selected.clear();
  say(`${label}: ${objects.length === 1 ? objects[0].refsource_id : `${objects.length} candidates`}`);
  tell();
  if (!remaining().length) return turn();
  const following = state.objects.findIndex((object, k) => k > state.at && !object.decided);
  move(following >= 0 ? following : state.objects.findIndex((object) => !object.decided));
}

function undo() {
  if (state.turning) return;
  const last = state.history.pop();
  if (!last) return undoEarlier();
  outbox.undo(last.keys);
  last.objects.forEach((object, k) => { object.decided = last.before[k]; });
  // The sheet that was shown comes again after this one.
  if (last.sheet !== state.objects && state.objects.length) state.queue.unshift({objects: state.objects});
  lay(last.sheet);
  say(`${last.objects.length === 1 ? last.objects[0].refsource_id : `${last.objects.length} candidates`} taken back`);
}

async function undoEarlier() {
  say("Taking back …");
  const back = await takeBackEarlier().catch((error) => say(error.message));
  if (back === undefined) return;
  if (!back) return say("There is nothing left to take back");
  await again({after: back.after});
  say(`${back.undone} taken back`);
}

function select() {
  if (!state.selected.delete(state.at)) state.selected.add(state.at);
  paint(tileAt(state.at));
  say(state.selected.size ? `${state.selected.size} selected` : "None selected");
}

function open() {
  const object = state.objects[state.at];
  if (object) window.open(object.url, "_blank", "noopener");
}

rest.addEventListener("change", () => { state.chosen = true; });
byId("stroke").addEventListener("submit", (event) => {
  event.preventDefault();
  document.activeElement.blur();
  stroke();
});

listen(palette, {
  skip: (how) => mark({action: "skip"}, "skipped", how),
  undo, select, open, stroke, blink: () => blinker.toggle(),
  escape: () => {
    state.selected.clear();
    move(state.at);
  },
  left: () => move(state.at - 1), right: () => move(state.at + 1),
  up: () => vertical(-1), down: () => vertical(1),
}, {" ": "skip", z: "undo", Backspace: "undo", b: "blink", x: "select", o: "open", Enter: "stroke", ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down"});

await turn();
document.body.dataset.ready = "yes";
