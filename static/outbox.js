// The queue of decisions to the server: sent in order, again where that may help, and kept.

import {byId, painted, pause} from "./elements.js";
import {Refused} from "./refused.js";
import {csrfToken, postJson, retryMs} from "./server.js";
import {StoredList} from "./stored-list.js";

// How often a decision is sent at which the server fails; what is overloaded may take longer.
const TRIES = 4;

// A message of several decisions as two, so that one that is not taken holds up no other.
function halves({url, body}, tries) {
  const [[name, all]] = Object.entries(body), middle = Math.ceil(all.length / 2);
  return [all.slice(0, middle), all.slice(middle)].map((part) => ({url, body: {[name]: part}, count: part.length, tries}));
}

// Decisions go out one after the other, in their order, again where the network failed, and after
// the page was loaded anew. What the server refuses is put aside, and the rest goes on.
export class Outbox {
  constructor({who, decide, undo, release}) {
    this.addresses = {decide, undo, release};
    this.stored = new StoredList(`unsaved ${who} ${decide}`);
    this.waiting = this.stored.read();
    this.running = null;
    this.trouble = this.refusal = "";
    this.onRefused = null;  // called with what the server did not take
    this.onScore = null;  // called with what a model says of a candidate that was voted on
    this.refused = new Refused(`refused ${who} ${decide}`, (message) => this.add(message), () => this.tell());
    addEventListener("beforeunload", (event) => this.waiting.length && event.preventDefault());
    addEventListener("pagehide", () => this.leave());
    // What was leased is given back by then.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    this.start();
  }

  decide(decisions) {
    this.add({url: this.addresses.decide, body: {decisions}, count: decisions.length});
  }

  undo(keys) {
    this.refused.forget(keys);
    this.add({url: this.addresses.undo, body: {keys}, count: keys.length});
  }

  // Takes a stroke on a whole group back, by its key.
  undoBatch(batch) {
    this.refused.forget([batch]);
    this.add({url: this.addresses.undo, body: {batch}, count: 1});
  }

  add(message) {
    this.waiting.push(message);
    this.start();
  }

  start() {
    this.keep();
    if (this.waiting.length) this.running ??= this.run().finally(() => { this.running = null; });
  }

  async run() {
    await painted();
    for (let failures = 0; this.waiting.length;) {
      const failure = await this.send(this.waiting[0]);
      if (failure) await pause(Math.max(failure.waitMs ?? 0, retryMs(failures++)));
      else failures = 0;
    }
  }

  // Sends the first message; why it is to be sent again, or nothing where it is done with.
  async send(message) {
    try {
      const answer = await postJson(message.url, message.body);
      if (answer?.score) this.onScore?.(answer.score);
    } catch (error) {
      if (!this.isFinal(message, error)) {
        this.trouble = `: ${error.message}. Trying again`;
        this.keep();
        return error;
      }
      this.putAside(message, error);
      return null;
    }
    this.trouble = "";
    this.waiting.shift();
    this.keep();
    return null;
  }

  isFinal(message, {refused, fails}) {
    if (fails) message.tries = (message.tries ?? 0) + 1;
    return refused || message.tries >= TRIES;
  }

  putAside(message, {message: why}) {
    this.trouble = "";
    if (message.count > 1) {
      this.waiting.splice(0, 1, ...halves(message, TRIES - 1));
      return this.keep();
    }
    const {url, body, count} = message;
    this.refused.add({url, body, count}, why);
    this.waiting.shift();
    this.refusal = `Not saved: ${why}`;
    this.keep();
    try {
      this.onRefused?.(body);
    } catch (error) {
      console.error(error);  // what is on the screen is no reason for the others to wait
    }
  }

  keep() {
    try {
      this.stored.write(this.waiting);
    } catch {
      this.trouble ||= ": the browser can't keep them; leave this page open";
    }
    this.tell();
  }

  tell() {
    if (!this.refused?.messages.length) this.refusal = "";
    const n = this.waiting.reduce((sum, message) => sum + message.count, 0);
    const line = byId("unsaved");
    line.hidden = !n && !this.refusal;
    line.textContent = [this.refusal, n ? `${n} unsaved${this.trouble}` : ""].filter(Boolean).join(" · ");
    line.classList.toggle("error", Boolean(this.trouble || this.refusal));
  }

  leave() {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", csrfToken());
    navigator.sendBeacon(this.addresses.release, data);
  }
}
