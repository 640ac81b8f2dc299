// What cards and contact sheets share: the palette, commands by key or button, and the end.

import {byId, say} from "./elements.js";
import {hasModifier, isInField} from "./keys.js";

// The filter and magnitude of a candidate; ``unknown`` where it has none.
export const magnitudeOf = ({filter, mag}, unknown = "–") => `${filter} ${mag?.toFixed(2) ?? unknown}`;

// The change of a candidate in magnitudes, or that it is new, varies or has vanished.
export function changeOf({change, kind}) {
  if (change === null) return kind === "changed" ? "vanished" : kind;
  return `${change > 0 ? "+" : "−"}${Math.abs(change).toFixed(2)} mag`;
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

// Runs ``commands`` for the buttons of their names and for ``keys``, {key: name}; the palette's
// keys come first.
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
    if (hasModifier(event) || (event.repeat && event.key.length === 1)) return;
    if (event.key === "Escape") {
      palette.back();
      if (isInField(event)) event.target.blur();
      return commands.escape?.();
    }
    // While a dialog is open, the key that opened it closes it, and no other does anything.
    const open = document.querySelector("dialog[open]");
    if (isInField(event) || (open && bound[event.key] !== open.id)) return;
    // The space bar and Enter press a button that has the focus.
    if (event.target.closest("button:not(.tile-button, .epoch), a, summary") && [" ", "Enter"].includes(event.key)) return;
    if (palette.key(event.key)) return event.preventDefault();
    const command = !palette.open && bound[event.key];
    if (command) {
      event.preventDefault();
      all[command]("key");
    }
  });
}

// Tells that nothing is left, and why; ``again`` takes what was skipped.
export function finish({skipped, closed}, again) {
  const button = byId("take-skipped"), panel = byId("done");
  byId("done-why").textContent = closed ? "This campaign is closed."
    : skipped ? `Left are ${skipped} that you skipped.`
      : "All have the votes that are wanted, or others have them in hand.";
  button.hidden = !skipped || closed;
  button.onclick = () => {
    panel.hidden = true;
    again();
  };
  panel.hidden = false;
  say("Nothing is left for you here");
}
