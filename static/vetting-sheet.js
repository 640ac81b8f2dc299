// Vetting on a contact sheet of what was detected once or twice: exceptions are decided one by one,
// the rest of what was seen in one batch, or a whole group after a look at its extremes.

import {CandidateQueue} from "./candidate-queue.js";
import {cutoutBlinker, preload, tile} from "./cutouts.js";
import {DecisionHistory, decision, newKey, outbox, undoEarlier} from "./decisions.js";
import {byId, element, painted, pause, say} from "./elements.js";
import {keysOf} from "./keys.js";
import {Closer} from "./sheet-closer.js";
import {SheetCurves} from "./sheet-curves.js";
import {Groups} from "./sheet-groups.js";
import {Layout} from "./sheet-layout.js";
import {Looking} from "./sheet-looking.js";
import {Suggestions} from "./sheet-suggestions.js";
import {Palette, changeOf, finish, listen, magnitudeOf} from "./vetting.js";

const KEPT = 20;  // batches and decisions that can be taken back at once
const PICTURES_MS = 2000, AGAIN_MS = [1000, 4000, 15000];  // to wait for pictures; between attempts
const PROBE = {group: "–"};  // a tile that is as high as any
const sheet = byId("sheet"), area = byId("sheet-place");
const {seenMs, maxTiles} = area.dataset;
// ``sheet``: all that this sheet has held; ``objects``: what of it is on the screen; ``pending``:
// what comes after it; ``drawn``: when that was; ``turned``: promises that the sheet has turned.
const state = {sheet: [], objects: [], at: 0, selected: new Set(), pending: [], turning: false, turned: null, drawn: 0};
const palette = new Palette((choice, label, how) => mark({action: "vote", choice}, label, how));
const blinker = cutoutBlinker(sheet);
const queue = new CandidateQueue(take);
const history = new DecisionHistory(KEPT);
const layout = new Layout(area, sheet, Number(maxTiles));
const curves = new SheetCurves(sheet);
const closer = new Closer(byId("closer"));
const groups = new Groups();
const suggestions = new Suggestions(byId("batch-class"));
const looking = new Looking(Number(seenMs), waiting, tell);

const remaining = () => state.objects.filter((object) => !object.decided);
const hasPicture = (object) => object.loaded === true;
const lacksPicture = (object) => !object.cutouts || object.loaded === false;
const isSeen = (object) => hasPicture(object) && looking.isSeen(object);
const buttons = () => [...sheet.querySelectorAll(".tile-button")];
const tileAt = (k) => sheet.querySelector(`[data-index="${k}"]`);
const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;
// One by its number, several by how many they are.
const named = (objects) => objects.length === 1 ? objects[0].refsource_id : `${objects.length} candidates`;

// How many tiles there is room for; whether that is another number than before.
const measure = () => layout.measure(() => drawn(PROBE, 0));

// Tiles that were not seen yet, though they could be.
function waiting() {
  if (byId("help").open) return [];
  return buttons().map((button) => [button, state.objects[button.dataset.index]])
    .filter(([, object]) => hasPicture(object) && !looking.isSeen(object));
}

// --- What comes next

function take(objects) {
  state.pending.push(...objects);
  for (const object of objects) object.picture = load(object);
}

// A picture that is there when it is wanted; fetched again where that failed.
async function load(object, attempt = 0) {
  if (!object.cutouts) return;
  object.loaded = await preload(object);
  if (attempt) redraw(object);
  if (!object.loaded && attempt < AGAIN_MS.length) pause(AGAIN_MS[attempt]).then(() => load(object, attempt + 1));
}

function turn() {
  state.turned = turnOver();
  return state.turned;
}

// The next sheet is at hand by now; the one after it is fetched when this one is on the screen.
async function turnOver() {
  const {era} = queue;
  state.turning = true;
  layout.few = null;
  measure();
  const objects = groups.isOn ? await extremes() : await comingNext(era);
  if (objects === null) return undefined;  // it has turned otherwise meanwhile
  await Promise.race([Promise.all(objects.map((object) => object.picture)), pause(PICTURES_MS)]);
  if (era !== queue.era) return undefined;
  state.turning = false;
  groups.arrive();
  // Where no more come than there is room for they are as large as it allows.
  layout.few = groups.current || (queue.beyond === 0 && !state.pending.length) ? objects.length : null;
  lay(objects, objects);
  if (!objects.length) return finish(queue.end, () => restart({skipped: true}));
  await painted();
  if (!groups.isOn && !queue.end && state.pending.length < layout.capacity) queue.fetch(layout.capacity);
  return undefined;
}

async function comingNext(era) {
  while (state.pending.length < layout.capacity && !queue.end && era === queue.era) await queue.fetch(layout.capacity);
  return state.pending.splice(0, layout.capacity);
}

// Those of the next group; without one all that is left comes one by one.
async function extremes() {
  const objects = await groups.next(layout.capacity);
  if (!groups.isOn) return null;
  for (const object of objects) object.picture = load(object);
  if (objects.length) return objects;
  groups.turn(false);
  restart({after: 0});
  say("No large group is left: what is left comes one by one");
  return null;
}

function toggleGroups() {
  if (state.turning) return;
  groups.turn(!groups.isOn);
  restart({after: 0});
  say(groups.isOn ? "Whole groups: their extremes, and one key for all" : "One by one");
}

function restart(from) {
  queue.restart(from);
  state.pending = [];
  return turn();
}

// --- What is on the screen

// Those that have no room go back to what comes next, the undecided.
function lay(objects, all) {
  if (layout.few !== null) {
    layout.few = objects.length;
    measure();
  }
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
  suggestions.offer(remaining());
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
  if (missing() > state.pending.length && !queue.end) await queue.fetch(layout.capacity);
  if (state.turning) return;
  const more = state.pending.splice(0, Math.max(missing(), 0));
  state.sheet.push(...more.filter((object) => !state.sheet.includes(object)));
  state.objects.push(...more);
  state.selected = new Set(chosen.map((object) => state.objects.indexOf(object)).filter((k) => k >= 0));
  state.at = Math.max(0, state.objects.indexOf(current));
  draw();
}

function draw() {
  blinker.stop();
  sheet.replaceChildren(...state.objects.map((object, k) => drawn(object, k)));
  curves.draw();
  sheet.setAttribute("aria-busy", "false");
  sheet.hidden = !state.objects.length;
  area.scrollTo(0, 0);
  move(state.at);
  state.drawn = performance.now();
  pause(3 * seenMs).then(tell);
  tell();
}

function redraw(object) {
  const k = state.objects.indexOf(object);
  if (k < 0) return;
  tileAt(k).parentElement.replaceWith(drawn(object, k));
  curves.draw();
  paint(tileAt(k));
  tell();
}

// One tile, below the name of its group where that begins, or goes on in another row.
function drawn(object, k) {
  return element("div", {className: "cell"}, groupName(object, k), tileButton(object, k));
}

const headingOf = ({group, extreme}) => extreme ? `the ${extreme} significant` : group;

function groupName(object, k) {
  const {objects} = state, group = headingOf(object), begins = !objects[k - 1] || headingOf(objects[k - 1]) !== group;
  if (!begins && k % layout.columns) return element("div", {className: "group"});
  let n = 1;
  while (k + n < objects.length && headingOf(objects[k + n]) === group) n += 1;
  const span = layout.span(k, n), [cause, ...where] = group.split(" · ");
  // Above a single tile is no room for all of it: the cause is that of the tile before.
  const isShort = span === 1 && objects[k - 1]?.group.startsWith(`${cause} · `);
  const suggested = `${group} → ${suggestions.labelOf(object)}`;
  const name = element(begins ? "h2" : "div", {className: "group", title: suggested, textContent: isShort ? where.join(" · ").replace("MJD ", "") : suggested});
  if (!begins) name.setAttribute("aria-hidden", "true");
  name.style.setProperty("--span", span);
  return name;
}

function tileButton(object, k) {
  const button = element("button", {type: "button", className: "tile-button"}), {cutouts} = object;
  button.dataset.index = k;
  button.append(...(lacksPicture(object) ? [element("span", {className: "no-picture", textContent: whyNone(object)})] : [
    tile(cutouts, 0, 0, "reference"), tile(cutouts, cutouts.tile, 0, "search"), tile(cutouts, 2 * cutouts.tile, 0, "difference"),
  ]), curves.made(object));
  button.append(
    element("small", {},
      element("span", {textContent: object.refsource_id ? `${magnitudeOf(object)} · ${changeOf(object).replace(" mag", "")} · ${object.significance} σ` : "–"}),
      element("span", {className: "known", textContent: object.known ?? "", title: object.known_text ?? ""})),
    element("b", {className: "mark"}));
  button.addEventListener("click", () => move(k));
  button.addEventListener("dblclick", open);
  return button;
}

const whyNone = ({cutouts}) => cutouts ? "The picture did not load" : "No picture yet: open it (o), or skip it (Space)";

function nameOf(object) {
  return [`${object.refsource_id}: ${changeOf(object)}, ${object.significance} sigma, ${magnitudeOf(object, "unknown")}`,
    object.known_text || object.known, object.group, lacksPicture(object) && "no picture", object.decided ? `decided: ${object.decided}` : "undecided"].filter(Boolean).join("; ");
}

function move(k) {
  if (!state.objects.length) return;
  state.at = Math.max(0, Math.min(state.objects.length - 1, k));
  for (const button of buttons()) paint(button);
  closer.show(state.objects[state.at]);
  tileAt(state.at).focus({preventScroll: true});
  tileAt(state.at).scrollIntoView({block: "nearest"});
}

function paint(button) {
  const k = Number(button.dataset.index), object = state.objects[k];
  button.classList.toggle("at", k === state.at);
  button.classList.toggle("selected", state.selected.has(k));
  button.classList.toggle("decided", Boolean(object.decided));
  button.setAttribute("aria-pressed", state.selected.has(k));
  button.setAttribute("aria-label", nameOf(object));
  button.querySelector(".mark").textContent = object.decided ?? "";
  button.tabIndex = k === state.at ? 0 : -1;
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
  const all = (queue.beyond ?? 0) + state.pending.length + left.length;
  groups.tell();
  byId("left").textContent = groups.current ? `${groups.current.n} left of this group` : `${all.toLocaleString("en")} left`;
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
  const left = remaining(), seen = left.filter(isSeen);
  if (groups.current) return seen.length < left.length ? sayWhyNot(left.filter((object) => !isSeen(object))) : strike(left);
  if (!seen.length) return left.length && sayWhyNot(left);
  const what = (object) => ({action: "vote", choice: suggestions.chosenFor(object).choice});
  return record(seen, what, (object) => suggestions.chosenFor(object).label, "bulk");
}

// One vote for all of the group, which those that are not decided by themselves stand for.
function strike(left) {
  if (state.turning || !state.objects.length) return;
  const {current: group} = groups, {choice, label} = suggestions.chosenFor(left[0] ?? state.objects[0]);
  const batch = groups.strike(left, choice);
  history.note(left, [], label, {sheet: state.sheet, group, batch});
  say(`${label}: all ${group.n} of the group`);
  turn();
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
  const of = (object) => (typeof what === "function" ? what(object) : what);
  const made = objects.map((object) => decision(object, how, of(object), shown(object)));
  history.decide(objects, made, label, {sheet: state.sheet, group: groups.current});
  state.selected.clear();
  const labels = new Set(objects.map(({decided}) => decided));
  say(`${labels.size > 1 ? "as suggested" : [...labels][0]}: ${named(objects)}`);
  tell();
  // What is left of a group still waits for its stroke.
  if (!remaining().length && !groups.current) return turn();
  const from = objects.length > 1 ? -1 : state.at;
  const following = state.objects.findIndex((object, k) => k > from && !object.decided);
  move(following >= 0 ? following : state.objects.findIndex((object) => !object.decided));
}

outbox.onRefused = ({decisions}) => {
  const refused = history.refuse(decisions);
  putBack(refused.filter((object) => !state.objects.includes(object) && !state.pending.includes(object)));
  if (!state.turning) draw();
};

async function undo() {
  while (state.turning) await state.turned;
  const last = history.undo();
  if (!last) {
    const n = await undoEarlier(restart);
    if (n) say(`${n} taken back`);
    return;
  }
  const isHere = last.sheet === state.sheet;
  // The sheet that was shown comes again after this one; a group is asked for again.
  if (!isHere && !groups.current) putBack(state.objects);
  groups.back(last.group ?? null);
  layout.few = groups.current ? last.sheet.length : null;
  measure();
  const shown = isHere ? [...new Set([...state.objects, ...last.candidates])] : last.sheet;
  lay(shown.filter((object) => !state.pending.includes(object)).sort((a, b) => a.rank - b.rank), last.sheet);
  say(last.batch ? `The vote on all ${last.group.n} of the group taken back` : `${named(last.candidates)} taken back`);
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

byId("batch").addEventListener("submit", (event) => {
  event.preventDefault();
  document.activeElement.blur();
  markBatch();
});
new ResizeObserver(refit).observe(area);

listen(palette, {
  skip: (how) => mark({action: "skip"}, "skipped", how),
  "skip-without": () => record(remaining().filter(lacksPicture), {action: "skip"}, "skipped", "bulk"),
  undo, select, open, groups: toggleGroups, batch: markBatch, blink: () => blinker.toggle(),
  escape: () => {
    state.selected.clear();
    move(state.at);
  },
  left: () => move(state.at - 1), right: () => move(state.at + 1),
  up: () => vertical(-1), down: () => vertical(1),
}, keysOf("sheet"));

await turn();
document.body.dataset.ready = "yes";
