// What both lanes share: the queue of decisions to the server, the palette, and the keys.

import {byId, element, painted, pause, say} from "./elements.js";
import {Outbox, RETRY_MS, answerOf, post} from "./outbox.js";

export {byId, element, painted, say};
const lane = byId("lane");
// What is sent twice is saved once, by this name. randomUUID is only there on secure pages.
export const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;

// The next objects of the campaign, asked for until there is an answer.
// ``n``: how many, of tiles.
export async function next({after, skipped, count, n}) {
  const query = new URLSearchParams({after, ...(skipped && {skipped: 1}), ...(count && {count: 1}), ...(n && {n})});
  for (let failures = 0; ; failures += 1) {
    try {
      return await answerOf(await fetch(`${lane.dataset.next}?${query}`, {headers: {Accept: "application/json"}}));
    } catch (error) {
      say(`No more candidates yet: ${error.message}. Trying again`);
      await pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
    }
  }
}

export const outbox = new Outbox(lane.dataset);

export function decision(object, how, what, shown = {}) {
  return {refsource_id: object.refsource_id, how, key: newKey(), shown, ...what};
}

// What was decided before this page was opened: the last of it is taken back, or null.
export async function takeBackEarlier() {
  await outbox.running;
  const {undone, after} = await post(lane.dataset.undo, {});
  return undone ? {undone, after} : null;
}

export function changeOf(object) {
  if (object.change === null) return object.kind === "new" ? "new" : "vanished";
  return `${object.change > 0 ? "+" : "−"}${Math.abs(object.change).toFixed(2)} mag`;
}

// The palette: a click or a key chooses; of an artifact a second one says which.
export class Palette {
  constructor(choose) {
    this.root = byId("palette");
    this.choose = choose;
    this.open = null;
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.matches(".back")) this.back();
      else if (button) this.press(button, "click");
    });
  }

  get buttons() {
    return [...(this.open ?? this.root).querySelectorAll(":scope > .class")];
  }

  press(button, how) {
    button.blur();
    if ("hasSubtypes" in button.dataset && !this.open) return this.show(button);
    this.back();
    this.choose(button.dataset.choice, button.dataset.label, how);
  }

  show(button) {
    this.open = this.root.querySelector(`.subtypes[data-of="${button.dataset.choice}"]`);
    this.open.hidden = false;
    this.root.classList.add("asks-subtype");
    button.setAttribute("aria-expanded", "true");
    say(`${button.dataset.label}: which kind?`);
  }

  back() {
    if (!this.open) return;
    this.open.hidden = true;
    this.open = null;
    this.root.classList.remove("asks-subtype");
    for (const button of this.root.querySelectorAll("[aria-expanded]")) button.setAttribute("aria-expanded", "false");
  }

  key(key) {
    const button = this.buttons.find((b) => b.dataset.key === key);
    if (button) this.press(button, "key");
    return Boolean(button);
  }
}

// Keys do what the buttons with the same name do.
export function listen(palette, commands, keys) {
  const help = byId("help");
  const all = {help: () => (help.open ? help.close() : help.showModal()), ...commands};
  const bound = {"?": "help", ...keys};
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-command]");
    if (!button) return;
    button.blur();
    all[button.dataset.command]("click");
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat && event.key.length === 1) return;
    if (event.key === "Escape") {
      palette.back();
      if (event.target.matches("input, select, textarea")) event.target.blur();
      return commands.escape?.();
    }
    if (event.target.closest("input, select, textarea") || (help.open && event.key !== "?")) return;
    // The space bar and Enter press a button that has the focus.
    if (event.target.closest("button:not(.tile-button), a, summary") && [" ", "Enter"].includes(event.key)) return;
    if (palette.key(event.key)) return event.preventDefault();
    const command = !palette.open && bound[event.key];
    if (command) {
      event.preventDefault();
      all[command]("key");
    }
  });
}

// A part of a picture, cut out without a style of its own.
const SVG = "http://www.w3.org/2000/svg";
export function tile({url, width, height, tile: side}, x, y, label) {
  const svg = document.createElementNS(SVG, "svg"), image = document.createElementNS(SVG, "image");
  const set = (node, values) => Object.entries(values).forEach(([name, value]) => node.setAttribute(name, value));
  set(svg, {viewBox: `${x} ${y} ${side} ${side}`, role: "img", "aria-label": label});
  set(image, {href: url, width, height});
  svg.append(image);
  return svg;
}

// A picture with north, east and a scale on it, in hundredths of its side.
export function framed(picture, compass) {
  const frame = element("div", {className: "framed"}, picture);
  if (!compass) return frame;
  const svg = document.createElementNS(SVG, "svg"), arrows = document.createElementNS(SVG, "g");
  const add = (parent, name, values, text = "") => {
    const node = document.createElementNS(SVG, name);
    Object.entries(values).forEach(([key, value]) => node.setAttribute(key, value));
    node.textContent = text;
    parent.append(node);
  };
  svg.setAttribute("class", "compass");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("aria-hidden", "true");
  arrows.setAttribute("transform", "translate(22 76)");
  svg.append(arrows);
  for (const [way, letter] of [["north", "N"], ["east", "E"]]) {
    const [x, y] = compass[`${way}_text`];
    add(arrows, "path", {d: `M0 0L${compass[way].join(" ")}`});
    add(arrows, "text", {x, y}, letter);
  }
  add(svg, "path", {d: `M${compass.bar_start} 93H${compass.bar_end}`});
  add(svg, "text", {x: compass.bar_middle, y: 84}, compass.bar_text);
  frame.append(svg);
  return frame;
}

// Shows the reference in place of each search image, and back; a second call stops it.
export class Blinker {
  constructor(root) {
    this.root = root;
    this.timer = null;
  }

  toggle() {
    if (this.timer) return this.stop();
    let reference = false;
    this.timer = setInterval(() => {
      reference = !reference;
      for (const svg of this.root.querySelectorAll("svg[aria-label=search]")) {
        svg.dataset.box ??= svg.getAttribute("viewBox");
        svg.setAttribute("viewBox", reference ? svg.dataset.box.replace(/^\S+ \S+/, "0 0") : svg.dataset.box);
      }
    }, 350);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    for (const svg of this.root.querySelectorAll("svg[data-box]")) svg.setAttribute("viewBox", svg.dataset.box);
  }
}

// A picture that is there when it is wanted.
export function preload(object) {
  if (!object.cutouts) return Promise.resolve();
  object.picture = new Image();
  object.picture.src = object.cutouts.url;
  return object.picture.decode().catch(() => {});
}

export function finish({skipped, closed}, again) {
  const button = byId("take-skipped"), place = byId("done");
  byId("done-why").textContent = closed ? "This campaign is closed."
    : skipped ? `Left are ${skipped} that you skipped.`
      : "All have the votes that are wanted, or others have them in hand.";
  button.hidden = !skipped || closed;
  button.onclick = () => {
    place.hidden = true;
    again();
  };
  place.hidden = false;
  say("Nothing is left for you here");
}
