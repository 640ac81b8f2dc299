// A contact sheet of one-offs: the exceptions are decided, the rest is marked in one stroke.

import {Palette, byId, decision, finish, listen, next, outbox, preload, say, takeBack, tile} from "./vetting.js";

const sheet = byId("sheet");
const state = {objects: [], at: 0, selected: new Set(), ahead: null, after: 0, skipped: false, left: null};
const palette = new Palette((choice, label, how) => mark({action: "vote", choice}, label, how));
let blinking = null;

async function load() {
  const batch = await next(state.after, state.skipped);
  state.after = batch.after;
  batch.pictures = Promise.all(batch.objects.filter((o) => o.cutouts).map((o) => preload(o.cutouts.url)));
  return batch;
}

async function turn() {
  const batch = await (state.ahead ?? load());
  state.ahead = null;
  await batch.pictures;
  state.left = batch.left;
  Object.assign(state, {objects: batch.objects, at: 0});
  state.selected.clear();
  draw();
  if (!batch.objects.length) return finish(batch, again);
  state.ahead = load();
}

function again() {
  Object.assign(state, {after: 0, skipped: true, ahead: null});
  turn();
}

function draw() {
  stopBlinking();
  const groups = new Map();
  state.objects.forEach((object, k) => groups.set(object.group, [...(groups.get(object.group) ?? []), k]));
  sheet.replaceChildren(...[...groups].map(([name, members]) => {
    const section = document.createElement("section"), heading = document.createElement("h2"), grid = document.createElement("div");
    heading.textContent = name;
    const count = document.createElement("small");
    count.textContent = ` ${members.length}`;
    heading.append(count);
    grid.className = "tiles";
    grid.append(...members.map((k) => drawn(state.objects[k], k)));
    section.append(heading, grid);
    return section;
  }));
  sheet.setAttribute("aria-busy", "false");
  sheet.hidden = !state.objects.length;
  move(state.at);
  tell();
}

function drawn(object, k) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile-button";
  button.dataset.index = k;
  const change = object.change === null ? "vanished" : `${object.change > 0 ? "+" : ""}${object.change} mag`;
  button.setAttribute("aria-label", `${object.refsource_id}, ${change}, ${object.significance} sigma`);
  const epoch = object.cutouts?.epochs[0];
  if (epoch) {
    button.append(
      tile(object.cutouts, 0, 0, "reference"), tile(object.cutouts, epoch.x, 0, "search"),
      tile(object.cutouts, epoch.x, object.cutouts.tile, "difference"));
  } else {
    const none = document.createElement("span");
    none.className = "no-cutouts";
    none.textContent = "no cutouts yet";
    button.append(none);
  }
  const text = document.createElement("small"), label = document.createElement("b");
  text.textContent = `${object.filter} ${object.mag} · ${change} · ${object.significance} σ`;
  label.className = "mark";
  label.textContent = object.decided ?? "";
  button.append(text, label);
  button.addEventListener("click", () => move(k));
  button.addEventListener("dblclick", () => window.open(object.url, "_blank", "noopener"));
  return button;
}

const tileAt = (k) => sheet.querySelector(`[data-index="${k}"]`);

function move(k) {
  if (!state.objects.length) return;
  state.at = Math.max(0, Math.min(state.objects.length - 1, k));
  sheet.querySelectorAll(".tile-button").forEach((button) => {
    const own = Number(button.dataset.index);
    button.classList.toggle("at", own === state.at);
    button.classList.toggle("selected", state.selected.has(own));
    button.classList.toggle("decided", Boolean(state.objects[own].decided));
    button.querySelector(".mark").textContent = state.objects[own].decided ?? "";
    button.tabIndex = own === state.at ? 0 : -1;
  });
  tileAt(state.at).focus({preventScroll: true});
  tileAt(state.at).scrollIntoView({block: "nearest"});
}

// Up and down go to the nearest tile in the next row, whatever the groups are.
function vertical(step) {
  const from = tileAt(state.at).getBoundingClientRect();
  const rows = [...sheet.querySelectorAll(".tile-button")]
    .map((button) => [Number(button.dataset.index), button.getBoundingClientRect()])
    .filter(([, box]) => step * (box.top - from.top) > 4);
  if (!rows.length) return;
  const nearest = Math.min(...rows.map(([, box]) => step * (box.top - from.top)));
  const row = rows.filter(([, box]) => step * (box.top - from.top) < nearest + 4);
  move(row.sort(([, a], [, b]) => Math.abs(a.left - from.left) - Math.abs(b.left - from.left))[0][0]);
}

function remaining() {
  return state.objects.filter((object) => !object.decided);
}

function tell() {
  byId("remaining").textContent = remaining().length;
  if (state.left !== null) byId("left").textContent = `${state.left.toLocaleString()} left`;
}

// One key decides the tile, or all that are selected.
function mark(what, label, how) {
  const chosen = (state.selected.size ? [...state.selected] : [state.at]).map((k) => state.objects[k]).filter(Boolean);
  if (!chosen.length) return;
  const shown = {lane: "sheet", tiles: state.objects.length};
  if (chosen.length > 1) shown.stroke = crypto.randomUUID?.() ?? String(Date.now());
  outbox.add(chosen.map((object) => decision(object, chosen.length > 1 ? "bulk" : how, what, shown)));
  for (const object of chosen) note(object, label);
  state.selected.clear();
  say(`${label}: ${chosen.length === 1 ? chosen[0].refsource_id : `${chosen.length} candidates`}`);
  tell();
  if (!remaining().length) return turn();
  const following = state.objects.findIndex((object, k) => k > state.at && !object.decided);
  move(following >= 0 ? following : state.objects.findIndex((object) => !object.decided));
}

function note(object, label) {
  if (!object.decided && state.left !== null) state.left -= 1;
  object.decided = label;
}

function stroke() {
  const left = remaining(), select = byId("stroke-class");
  if (!left.length) return;
  const shown = {lane: "sheet", tiles: state.objects.length, stroke: crypto.randomUUID?.() ?? String(Date.now())};
  const label = select.selectedOptions[0].textContent;
  outbox.add(left.map((object) => decision(object, "bulk", {action: "vote", choice: select.value}, shown)));
  for (const object of left) note(object, label);
  say(`${left.length} marked as ${label}`);
  turn();
}

async function undo() {
  const objects = await takeBack().catch((error) => {
    say(error.message);
    return [];
  });
  if (!objects.length) return say("There is nothing left to take back");
  const back = new Set(objects.map((object) => object.refsource_id));
  const here = state.objects.filter((object) => back.has(object.refsource_id));
  if (here.length === back.size) for (const object of here) delete object.decided;
  else state.objects = [...objects, ...state.objects.filter((object) => !back.has(object.refsource_id))];
  if (state.left !== null) state.left += back.size;
  state.at = 0;
  byId("done").hidden = true;
  draw();
  say(`${back.size} taken back`);
}

function stopBlinking() {
  clearInterval(blinking);
  blinking = null;
}

function blink() {
  const searches = [...sheet.querySelectorAll("svg[aria-label=search]")].map((svg) => [svg, svg.dataset.box ??= svg.getAttribute("viewBox")]);
  const back = () => searches.forEach(([svg, box]) => svg.setAttribute("viewBox", box));
  if (blinking) {
    stopBlinking();
    return back();
  }
  let reference = false;
  blinking = setInterval(() => {
    reference = !reference;
    if (!reference) return back();
    for (const [svg, box] of searches) svg.setAttribute("viewBox", box.replace(/^\S+ \S+/, "0 0"));
  }, 350);
}

byId("stroke").addEventListener("submit", (event) => {
  event.preventDefault();
  stroke();
});

listen(palette, {
  skip: (how) => mark({action: "skip"}, "skipped", how),
  undo, blink, stroke,
  select: () => {
    if (!state.selected.delete(state.at)) state.selected.add(state.at);
    move(state.at);
  },
  open: () => window.open(state.objects[state.at]?.url, "_blank", "noopener"),
  left: () => move(state.at - 1), right: () => move(state.at + 1),
  up: () => vertical(-1), down: () => vertical(1),
}, {" ": "skip", z: "undo", Backspace: "undo", b: "blink", x: "select", o: "open", Enter: "stroke",
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down"});

await turn();
document.body.dataset.ready = "yes";
