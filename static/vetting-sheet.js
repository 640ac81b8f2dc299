// A contact sheet of single detections: the exceptions are decided, the rest that was seen in one batch.

import {Layout} from "./sheet-layout.js";
import {Looking} from "./sheet-looking.js";
import {Blinker, Palette, byId, changeOf, decision, element, finish, listen, newKey, next, outbox, painted, say, takeBackEarlier, tile} from "./vetting.js";

const KEPT = 20;  // batches and decisions that can be taken back at once
const PICTURES_MS = 2000, AGAIN_MS = [1000, 4000, 15000];  // to wait for pictures; between attempts
const PROBE = {group: "–"};  // a tile that is as high as any
const sheet = byId("sheet"), place = byId("sheet-place"), rest = byId("batch-class");
const {seenMs, maxTiles} = place.dataset;
// ``sheet``: all that this sheet has held; ``objects``: what of it is on the screen; ``pending``:
// what comes after it.
const state = {sheet: [], objects: [], at: 0, selected: new Set(), history: [], pending: [], after: 0, beyond: null, end: null, fetching: null, skipped: false, chosen: false, turning: false, drawn: 0, era: 0};
const palette = new Palette((choice, label, how) => mark({action: "vote", choice}, label, how));
const blinker = new Blinker(sheet);
const layout = new Layout(place, sheet, Number(maxTiles));
const looking = new Looking(Number(seenMs), waiting, tell);

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const remaining = () => state.objects.filter((object) => !object.decided);
const hasPicture = (object) => object.loaded === true;
const lacksPicture = (object) => !object.cutouts || object.loaded === false;
const isSeen = (object) => hasPicture(object) && looking.isSeen(object);
const buttons = () => [...sheet.querySelectorAll(".tile-button")];
const tileAt = (k) => sheet.querySelector(`[data-index="${k}"]`);
const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

// How many tiles there is room for; whether that is another number than before.
const measure = () => layout.measure(() => drawn(PROBE, 0));

// Tiles that were not seen yet, though they could be.
function waiting() {
  if (byId("help").open) return [];
  return buttons().map((button) => [button, state.objects[button.dataset.index]])
    .filter(([, object]) => hasPicture(object) && !looking.isSeen(object));
}

// --- What comes next

function fetchMore() {
  const {era} = state;
  state.fetching ??= ask(era).finally(() => {
    if (era === state.era) state.fetching = null;
  });
  return state.fetching;
}

async function ask(era) {
  const batch = await next({after: state.after, skipped: state.skipped, count: state.beyond === null, n: layout.capacity});
  if (era !== state.era) return;  // all was begun again meanwhile
  state.after = batch.after;
  state.beyond = batch.left ?? state.beyond - batch.objects.length;
  if (!batch.objects.length) state.end = batch;
  state.pending.push(...batch.objects);
  for (const object of batch.objects) object.picture = load(object);
}

// A picture that is there when it is wanted; asked for again where it failed.
async function load(object, attempt = 0) {
  if (!object.cutouts) return;
  const image = new Image();
  image.src = object.cutouts.url;
  object.loaded = await image.decode().then(() => true, () => false);
  object.image = image;
  if (attempt) redraw(object);
  if (!object.loaded && attempt < AGAIN_MS.length) pause(AGAIN_MS[attempt]).then(() => load(object, attempt + 1));
}

// The next sheet is at hand by now; the one after it is asked for when this one is on the screen.
async function turn() {
  const {era} = state;
  state.turning = true;
  measure();
  while (state.pending.length < layout.capacity && !state.end && era === state.era) await fetchMore();
  const objects = state.pending.splice(0, layout.capacity);
  await Promise.race([Promise.all(objects.map((object) => object.picture)), pause(PICTURES_MS)]);
  if (era !== state.era) return;
  state.turning = false;
  lay(objects, objects);
  if (!objects.length) return finish(state.end, () => again({skipped: true}));
  await painted();
  if (!state.end && state.pending.length < layout.capacity) fetchMore();
}

function again(change) {
  Object.assign(state, {after: 0, pending: [], beyond: null, end: null, fetching: null, era: state.era + 1}, change);
  return turn();
}

// --- What is on the screen

// Those that have no room go back to what comes next, the undecided.
function lay(objects, all) {
  const over = objects.length - layout.capacity;
  if (over > 0) {
    const byNeed = [...objects].sort((a, b) => Boolean(a.decided) - Boolean(b.decided));
    const kept = new Set(byNeed.slice(0, layout.capacity));
    putBack(objects.filter((object) => !kept.has(object)));
    objects = objects.filter((object) => kept.has(object));
  }
  const first = objects.findIndex((object) => !object.decided);
  Object.assign(state, {sheet: all, objects: [...objects], at: Math.max(first, 0)});
  state.selected.clear();
  byId("done").hidden = true;
  suggest();
  draw();
}

function putBack(objects) {
  state.pending.unshift(...objects.filter((object) => !object.decided));
}

// The window has another size, or is magnified otherwise.
async function refit() {
  if (state.turning || !measure() || !state.objects.length) return;
  const {at, objects, selected} = state, current = objects[at], chosen = [...selected].map((k) => objects[k]);
  const missing = () => layout.capacity - state.objects.length;
  if (missing() < 0) lay(state.objects, state.sheet);
  if (missing() > state.pending.length && !state.end) await fetchMore();
  if (state.turning) return;
  const more = state.pending.splice(0, Math.max(missing(), 0));
  state.sheet.push(...more.filter((object) => !state.sheet.includes(object)));
  state.objects.push(...more);
  state.selected = new Set(chosen.map((object) => state.objects.indexOf(object)).filter((k) => k >= 0));
  state.at = Math.max(0, state.objects.indexOf(current));
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
  sheet.replaceChildren(...state.objects.map((object, k) => drawn(object, k)));
  sheet.setAttribute("aria-busy", "false");
  sheet.hidden = !state.objects.length;
  place.scrollTo(0, 0);
  move(state.at);
  state.drawn = performance.now();
  pause(3 * seenMs).then(tell);
  tell();
}

function redraw(object) {
  const k = state.objects.indexOf(object);
  if (k < 0) return;
  tileAt(k).parentElement.replaceWith(drawn(object, k));
  paint(tileAt(k));
  tell();
}

// One tile, below the name of its group where that begins, or goes on in another row.
function drawn(object, k) {
  return element("div", {className: "cell"}, groupName(object, k), tileButton(object, k));
}

function groupName({group}, k) {
  const {objects} = state, begins = objects[k - 1]?.group !== group;
  if (!begins && k % layout.columns) return element("div", {className: "group"});
  let n = 1;
  while (k + n < objects.length && objects[k + n].group === group) n += 1;
  const span = layout.span(k, n), [cause, ...where] = group.split(" · ");
  // Above a single tile is no room for all of it: the cause is that of the tile before.
  const isShort = span === 1 && objects[k - 1]?.group.startsWith(`${cause} · `);
  const name = element(begins ? "h2" : "div", {className: "group", title: group, textContent: isShort ? where.join(" · ").replace("MJD ", "") : group});
  if (!begins) name.setAttribute("aria-hidden", "true");
  name.style.setProperty("--span", span);
  return name;
}

function tileButton(object, k) {
  const button = element("button", {type: "button", className: "tile-button"}), {cutouts} = object;
  button.dataset.index = k;
  button.append(...(lacksPicture(object) ? [element("span", {className: "no-picture", textContent: whyNone(object)})] : [
    tile(cutouts, 0, 0, "reference"), tile(cutouts, cutouts.tile, 0, "search"), tile(cutouts, 2 * cutouts.tile, 0, "difference"),
  ]));
  button.append(
    element("small", {textContent: object.refsource_id ? `${object.filter} ${object.mag?.toFixed(2) ?? "–"} · ${changeOf(object)} · ${object.significance} σ` : "–"}),
    element("b", {className: "mark"}));
  button.addEventListener("click", () => move(k));
  button.addEventListener("dblclick", open);
  return button;
}

const whyNone = ({cutouts}) => cutouts ? "The picture did not load" : "No picture yet: open it (o), or skip it (Space)";

function nameOf(object) {
  return [`${object.refsource_id}: ${changeOf(object)}, ${object.significance} sigma, ${object.filter} ${object.mag?.toFixed(2) ?? "unknown"}`,
    object.group, lacksPicture(object) && "no picture", object.decided ? `decided: ${object.decided}` : "undecided"].filter(Boolean).join("; ");
}

function move(k) {
  if (!state.objects.length) return;
  state.at = Math.max(0, Math.min(state.objects.length - 1, k));
  for (const button of buttons()) paint(button);
  tileAt(state.at).focus({preventScroll: true});
  tileAt(state.at).scrollIntoView({block: "nearest"});
}

function paint(button) {
  const own = Number(button.dataset.index), object = state.objects[own];
  button.classList.toggle("at", own === state.at);
  button.classList.toggle("selected", state.selected.has(own));
  button.classList.toggle("decided", Boolean(object.decided));
  button.setAttribute("aria-pressed", state.selected.has(own));
  button.setAttribute("aria-label", nameOf(object));
  button.querySelector(".mark").textContent = object.decided ?? "";
  button.tabIndex = own === state.at ? 0 : -1;
}

function vertical(step) {
  const k = state.at + step * layout.columns;
  if (k >= 0 && k < state.objects.length) move(k);
}

function tell() {
  const left = remaining(), without = left.filter(lacksPicture).length, seen = left.filter(isSeen).length;
  byId("remaining").textContent = seen;
  sheet.dataset.seen = state.objects.filter(isSeen).length;
  byId("without").hidden = !without;
  byId("n-without").textContent = `${without} without a picture`;
  // Each sheet begins unseen: that alone is not worth a word.
  byId("unseen-left").hidden = left.length === without + seen || performance.now() < state.drawn + 3 * seenMs;
  byId("n-unseen").textContent = left.length - without - seen;
  const all = (state.beyond ?? 0) + state.pending.length + left.length;
  byId("left").textContent = `${all.toLocaleString("en")} left`;
}

// --- What is decided

// One key decides the tile, or all that are selected; of several a vote only those that were seen.
function mark(what, label, how) {
  const chosen = (state.selected.size ? [...state.selected] : [state.at]).map((k) => state.objects[k]).filter(Boolean);
  if (chosen.length < 2) return chosen.length && record(chosen, what, label, how);
  const able = what.action === "vote" ? chosen.filter(isSeen) : chosen;
  if (!able.length) return sayWhyNot(chosen);
  record(able, what, label, "bulk");
  if (able.length < chosen.length) sayWhyNot(chosen.filter((object) => !able.includes(object)));
}

function markBatch() {
  const {value, textContent} = rest.selectedOptions[0], left = remaining(), seen = left.filter(isSeen);
  if (seen.length) record(seen, {action: "vote", choice: value}, textContent, "bulk");
  else if (left.length) sayWhyNot(left);
}

function sayWhyNot(objects) {
  const without = objects.filter(lacksPicture).length, unseen = objects.find((object) => !lacksPicture(object));
  if (unseen) tileAt(state.objects.indexOf(unseen))?.scrollIntoView({block: "center"});
  say([without && `${count(without, "has", "have")} no picture: decide one by one, or skip`,
    unseen && `${count(objects.length - without, "was", "were")} not on the screen long enough yet: look first`].filter(Boolean).join("; "));
}

function record(objects, what, label, how) {
  if (state.turning) return;
  const batchKey = objects.length > 1 && newKey(), n = state.objects.length;
  const shown = (object) => ({
    lane: "sheet", tiles: n, ...(batchKey && {batch: batchKey}),
    ...(object.stamp && {stamp: object.stamp, seconds: (object.ms ?? 0) / 1000}),
  });
  const made = objects.map((object) => decision(object, how, what, shown(object)));
  outbox.decide(made);
  state.history.push({sheet: state.sheet, objects, keys: made.map(({key}) => key), before: objects.map(({decided}) => decided)});
  state.history.splice(0, state.history.length - KEPT);
  for (const object of objects) object.decided = label;
  state.selected.clear();
  say(`${label}: ${objects.length === 1 ? objects[0].refsource_id : `${objects.length} candidates`}`);
  tell();
  if (!remaining().length) return turn();
  const from = objects.length > 1 ? -1 : state.at;
  const following = state.objects.findIndex((object, k) => k > from && !object.decided);
  move(following >= 0 ? following : state.objects.findIndex((object) => !object.decided));
}

// What the server refused is undecided again; the rest of its batch stays as it is.
outbox.onRefused = ({decisions}) => {
  const refused = new Set((decisions ?? []).map(({key}) => key));
  for (const entry of state.history) {
    const {objects, before, keys} = entry;
    const isRefused = (_, k) => refused.has(keys[k]), isTaken = (_, k) => !refused.has(keys[k]);
    objects.forEach((object, k) => { if (refused.has(keys[k])) object.decided = before[k]; });
    putBack(objects.filter(isRefused).filter((object) => !state.objects.includes(object) && !state.pending.includes(object)));
    Object.assign(entry, {objects: objects.filter(isTaken), before: before.filter(isTaken), keys: keys.filter(isTaken)});
  }
  state.history = state.history.filter(({keys}) => keys.length);
  if (!state.turning) draw();
};

function undo() {
  if (state.turning) return;
  const last = state.history.pop();
  if (!last) return undoEarlier();
  outbox.undo(last.keys);
  last.objects.forEach((object, k) => { object.decided = last.before[k]; });
  const isHere = last.sheet === state.sheet;
  // The sheet that was shown comes again after this one.
  if (!isHere) putBack(state.objects);
  const shown = isHere ? [...new Set([...state.objects, ...last.objects])] : last.sheet;
  lay(shown.filter((object) => !state.pending.includes(object)).sort((a, b) => a.rank - b.rank), last.sheet);
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
byId("batch").addEventListener("submit", (event) => {
  event.preventDefault();
  document.activeElement.blur();
  markBatch();
});
new ResizeObserver(refit).observe(place);

listen(palette, {
  skip: (how) => mark({action: "skip"}, "skipped", how),
  "skip-without": () => record(remaining().filter(lacksPicture), {action: "skip"}, "skipped", "bulk"),
  undo, select, open, batch: markBatch, blink: () => blinker.toggle(),
  escape: () => {
    state.selected.clear();
    move(state.at);
  },
  left: () => move(state.at - 1), right: () => move(state.at + 1),
  up: () => vertical(-1), down: () => vertical(1),
}, {" ": "skip", z: "undo", Backspace: "undo", b: "blink", x: "select", o: "open", Enter: "batch", ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down"});

await turn();
document.body.dataset.ready = "yes";
