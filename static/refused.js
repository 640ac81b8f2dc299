// Decisions that the server did not take: kept by the browser, shown, and tried again or let go.

import {byId, element, say} from "./elements.js";
import {StoredList} from "./stored-list.js";

const wordOf = (choice) => byId("palette")?.querySelector(`[data-choice="${CSS.escape(choice)}"]`)?.dataset.label ?? choice;

// What one of them was: "RR Lyrae: 1048577".
function nameOf({body}) {
  if (body.keys) return `taking back ${body.keys.length === 1 ? "a decision" : `${body.keys.length} decisions`}`;
  if (body.batch) return "taking back a vote on a group";
  if (body.group) return `${wordOf(body.choice)}: a whole group`;
  const act = ({action, choice, comment}) => action === "comment" ? `comment “${comment}”` : action === "skip" ? "skipped" : wordOf(choice);
  return body.decisions.map((one) => `${act(one)}: ${one.refsource_id}`).join("; ");
}

async function copy(text) {
  // Only pages that are sent securely have a clipboard.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = element("textarea", {value: text, readOnly: true});
  byId("refused").append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

export class Refused {
  // ``name``: what the browser keeps them under; ``again(message)`` sends one of them anew;
  // ``changed()`` is told of every change.
  constructor(name, again, changed) {
    Object.assign(this, {stored: new StoredList(name), again, changed});
    this.panel = byId("refused");
    addEventListener("storage", ({key}) => key === name && this.draw());
    this.draw();
  }

  // Read anew each time: another window may have changed it.
  get messages() {
    return this.stored.read();
  }

  set messages(messages) {
    this.stored.write(messages);
    this.draw();
    this.changed();
  }

  add(message, why) {
    this.messages = [...this.messages, {...message, why, time: new Date().toISOString()}];
  }

  // What is taken back was never saved, and is not to be tried again.
  forget(keys) {
    const {messages} = this, gone = new Set(keys);
    const left = messages.filter(({body}) => ![body, ...(body.decisions ?? [])].some(({key}) => gone.has(key)));
    if (left.length < messages.length) this.messages = left;
  }

  take(message) {
    const text = JSON.stringify(message);
    this.messages = this.messages.filter((one) => JSON.stringify(one) !== text);
  }

  draw() {
    const {messages} = this, n = messages.length;
    this.panel.hidden = !n;
    if (!n) this.panel.open = false;
    byId("n-refused").textContent = `${n} not taken`;
    byId("refused-list").replaceChildren(...messages.map((message) => this.line(message)));
  }

  line(message) {
    const name = nameOf(message);
    const button = (text, act) => {
      const made = element("button", {type: "button", textContent: text, onclick: act});
      made.setAttribute("aria-label", `${text}: ${name}`);
      return made;
    };
    return element("li", {},
      element("b", {textContent: name}), element("p", {textContent: message.why}),
      element("p", {className: "refused-actions"},
        button("Try again", () => this.retry(message)), " ",
        button("Copy", () => copy(JSON.stringify(message.body)).then(() => say(`Copied: ${name}`), () => say("The browser did not let it be copied"))), " ",
        button("Discard", () => this.discard(message, name))));
  }

  retry(message) {
    this.take(message);
    const {url, body, count} = message;
    this.again({url, body, count});
    this.focus();
  }

  discard(message, name) {
    this.take(message);
    say(`Discarded: ${name}`);
    this.focus();
  }

  // The button that had the focus is gone.
  focus() {
    const next = this.panel.open && this.panel.querySelector("button");
    if (next) next.focus();
    else document.activeElement.blur();
  }
}
