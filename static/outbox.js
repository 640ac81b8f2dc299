// The queue of decisions to the server: sent in order, again where that may help, and kept.

import {byId, painted, pause} from "./elements.js";
import {Refused} from "./refused.js";

export const RETRY_MS = [500, 1000, 2000, 5000, 10000];
const TIMEOUT_MS = 60000, LONGEST_WAIT_MS = 60000;
// How often a decision is sent at which the server fails; what is overloaded may take longer.
const TRIES = 4;
// Not the decision's fault: too slow, too many requests, no server behind a proxy, no database.
const PASSING = new Set([401, 408, 425, 429, 502, 503, 504]);
const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

class Failure extends Error {
  // ``refused``: final for what was sent; ``fails``: so if it goes on; ``waitMs``: at least.
  constructor(message, properties = {}) {
    super(message);
    Object.assign(this, {refused: false, fails: false, waitMs: 0}, properties);
  }
}

async function wordsOf(response) {
  try {
    const {error, detail} = await response.clone().json();
    return error ?? detail ?? "";
  } catch {
    return "";
  }
}

const waitOf = (response) => Math.min(1000 * (Number(response.headers.get("Retry-After")) || 0), LONGEST_WAIT_MS);

// The JSON of an answer, or a Failure.
export async function answerOf(response) {
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  if (response.ok && isJson && !response.redirected) return response.json();
  const words = await wordsOf(response), {status} = response;
  const isLoggedOut = response.redirected || status === 401 || response.headers.has("X-Csrf-Failure");
  if (isLoggedOut) throw new Failure("you were logged out; log in in another tab, then load this page again");
  if (PASSING.has(status) || status < 400) throw new Failure(words || `the server answered ${status}`, {waitMs: waitOf(response)});
  const told = words || `the server answered ${status}`;
  throw new Failure(told, status < 500 ? {refused: true} : {fails: true});
}

export async function post(url, body) {
  const headers = {"Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token()};
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return answerOf(await fetch(url, {method: "POST", body: JSON.stringify(body), headers, signal}));
}

// A message of several decisions as two, so that one that is not taken holds up no other.
function halves({url, body}, tries) {
  const [[name, all]] = Object.entries(body), middle = Math.ceil(all.length / 2);
  return [all.slice(0, middle), all.slice(middle)].map((part) => ({url, body: {[name]: part}, count: part.length, tries}));
}

// Decisions go out one after the other, in their order, again where the network failed, and after
// the page was loaded anew. What the server refuses is put aside, and the rest goes on.
export class Outbox {
  constructor({who, decide, undo, release}) {
    Object.assign(this, {addresses: {decide, undo, release}, place: `unsaved ${who} ${decide}`});
    this.waiting = this.kept();
    this.running = null;
    this.trouble = this.told = "";
    this.onRefused = null;  // called with what the server did not take
    this.refused = new Refused(`refused ${who} ${decide}`, (message) => this.add(message), () => this.tell());
    addEventListener("beforeunload", (event) => this.waiting.length && event.preventDefault());
    addEventListener("pagehide", () => this.leave());
    // What was leased is given back by then.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    this.start();
  }

  kept() {
    try {
      const messages = JSON.parse(localStorage.getItem(this.place) ?? "[]");
      return Array.isArray(messages) ? messages : [];
    } catch {
      return [];
    }
  }

  decide(decisions) {
    this.add({url: this.addresses.decide, body: {decisions}, count: decisions.length});
  }

  undo(keys) {
    this.refused.forget(keys);
    this.add({url: this.addresses.undo, body: {keys}, count: keys.length});
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
      if (failure) await pause(Math.max(failure.waitMs ?? 0, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]));
      else failures = 0;
    }
  }

  // Sends the first message; why it is to be sent again, or nothing where it is done with.
  async send(message) {
    try {
      await post(message.url, message.body);
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
    this.told = `Not saved: ${why}`;
    this.keep();
    try {
      this.onRefused?.(body);
    } catch (error) {
      console.error(error);  // what is on the screen is no reason for the others to wait
    }
  }

  keep() {
    try {
      if (this.waiting.length) localStorage.setItem(this.place, JSON.stringify(this.waiting));
      else localStorage.removeItem(this.place);
    } catch {
      this.trouble ||= ": the browser can't keep them; leave this page open";
    }
    this.tell();
  }

  tell() {
    if (!this.refused?.messages.length) this.told = "";
    const n = this.waiting.reduce((sum, message) => sum + message.count, 0), place = byId("unsaved");
    place.hidden = !n && !this.told;
    place.textContent = [this.told, n ? `${n} unsaved${this.trouble}` : ""].filter(Boolean).join(" · ");
    place.classList.toggle("error", Boolean(this.trouble || this.told));
  }

  leave() {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", token());
    navigator.sendBeacon(this.addresses.release, data);
  }
}
