// What both lanes share: the queue of decisions to the server, the palette, and the keys.

export const byId = (id) => document.getElementById(id);
const lane = byId("lane");
const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;
const RETRY_MS = [500, 1000, 2000, 5000, 10000];

export async function post(url, body) {
  const response = await fetch(url, {
    method: "POST", body: JSON.stringify(body),
    headers: {"Content-Type": "application/json", "X-CSRFToken": token()},
  });
  const answer = await response.json().catch(() => ({error: `The server answered ${response.status}`}));
  if (!response.ok) throw Object.assign(new Error(answer.error), {refused: response.status < 500});
  return answer;
}

export async function next(after, skipped = false) {
  const response = await fetch(`${lane.dataset.next}?after=${after}${skipped ? "&skipped=1" : ""}`);
  if (!response.ok) throw new Error(`The server answered ${response.status}`);
  return response.json();
}

// Decisions go out one after the other, in their order, and again where the network failed.
class Outbox {
  constructor() {
    this.waiting = [];
    this.running = null;
    addEventListener("beforeunload", (event) => this.waiting.length && event.preventDefault());
    addEventListener("pagehide", () => this.leave());
  }

  get count() {
    return this.waiting.reduce((n, decisions) => n + decisions.length, 0);
  }

  add(decisions) {
    this.waiting.push(decisions);
    this.tell();
    this.running ??= this.run();
    return this.running;
  }

  async run() {
    for (let failures = 0; this.waiting.length;) {
      try {
        await post(lane.dataset.decide, {decisions: this.waiting[0]});
        this.waiting.shift();
        failures = 0;
        this.tell();
      } catch (error) {
        if (error.refused) {
          this.waiting.shift();
          this.tell(`${error.message}. It was not saved.`);
          continue;
        }
        this.tell(`${this.count} unsaved: no answer from the server, trying again`);
        await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]));
      }
    }
    this.running = null;
  }

  tell(problem) {
    const place = byId("unsaved");
    place.hidden = !problem && !this.waiting.length;
    place.textContent = problem ?? `${this.count} unsaved`;
    place.classList.toggle("error", Boolean(problem));
  }

  leave() {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", token());
    navigator.sendBeacon(lane.dataset.release, data);
  }
}

export const outbox = new Outbox();

// One decision, with a name of its own: sent twice, it is saved once.
export function decision(object, how, what, shown = {}) {
  return {refsource_id: object.refsource_id, how, key: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, shown, ...what};
}

export async function takeBack() {
  await outbox.running;
  return (await post(lane.dataset.undo, {})).objects;
}

export function say(text) {
  byId("said").textContent = text;
}

// The palette: a click or a key chooses; of an artifact a second one says which.
export class Palette {
  constructor(choose) {
    this.root = byId("palette");
    this.choose = choose;
    this.open = null;
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest(".class");
      if (button) this.press(button, "click");
    });
  }

  get buttons() {
    return [...(this.open ?? this.root).querySelectorAll(":scope > .class")];
  }

  press(button, how) {
    if ("hasSubtypes" in button.dataset && !this.open) return this.show(button);
    const label = button.textContent.trim().replace(/^\S+\s+/, "");
    this.back();
    this.choose(button.dataset.choice, label, how);
  }

  show(button) {
    this.open = this.root.querySelector(`.subtypes[data-of="${button.dataset.choice}"]`);
    this.open.hidden = false;
    this.root.classList.add("asks-subtype");
    button.setAttribute("aria-expanded", "true");
    say(`${button.textContent.trim()}: which kind?`);
  }

  back() {
    if (!this.open) return false;
    this.open.hidden = true;
    this.open = null;
    this.root.classList.remove("asks-subtype");
    this.root.querySelectorAll("[aria-expanded]").forEach((b) => b.setAttribute("aria-expanded", "false"));
    return true;
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
    if (button) {
      all[button.dataset.command]?.("click");
      button.blur();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") return void (event.target.blur?.(), palette.back());
    if (event.target.closest("input, select, textarea") || (help.open && event.key !== "?")) return;
    // The space bar and Enter press a button that has the focus.
    if (event.target.closest("button:not(.tile-button), a") && [" ", "Enter"].includes(event.key)) return;
    if (!event.repeat && palette.key(event.key)) return event.preventDefault();
    const command = !palette.open && bound[event.key];
    if (command && all[command]) {
      event.preventDefault();
      all[command]("key");
    }
  });
}

// A part of a picture, cut out without a style of its own.
const SVG = "http://www.w3.org/2000/svg";
export function tile({url, width, height, tile: side}, x, y, label, rows = 1) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `${x} ${y} ${side} ${side * rows}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const image = document.createElementNS(SVG, "image");
  for (const [name, value] of Object.entries({href: url, width, height})) image.setAttribute(name, value);
  svg.append(image);
  return svg;
}

// A picture that is there when it is wanted.
export function preload(url) {
  const image = new Image();
  image.src = url;
  return image.decode().catch(() => {});
}

export function finish({skipped}, again) {
  byId("done").hidden = false;
  byId("done-why").textContent = skipped
    ? `${skipped} that you skipped are left.` : "All have the votes that are wanted, or others have them in hand.";
  const button = byId("take-skipped");
  button.hidden = !skipped;
  button.onclick = () => {
    byId("done").hidden = true;
    again();
  };
}
