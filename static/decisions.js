// Decisions on candidates: made, sent, taken back, and undone on the page where the server refuses.

import {byId, say} from "./elements.js";
import {Outbox} from "./outbox.js";
import {postJson} from "./server.js";

const {dataset} = byId("lane");
export const outbox = new Outbox(dataset);

// What is sent twice is saved once, by this name. randomUUID is only there on secure pages.
export const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;

// ``what``: a vote, a comment or that it is skipped; ``how``: by key, click or in bulk; ``shown``: what was seen.
export function decision(candidate, how, what, shown = {}) {
  return {refsource_id: candidate.refsource_id, how, key: newKey(), shown, ...what};
}

// The last ``most`` acts of deciding on this page, each on one candidate or on a batch.
export class DecisionHistory {
  constructor(most) {
    Object.assign(this, {most, entries: []});
  }

  // Sends decisions, one for each candidate, and marks these; ``context`` is kept with them.
  // ``label``: what is said of each, or a function that says it of one.
  decide(candidates, decisions, label, context = {}) {
    outbox.decide(decisions);
    this.note(candidates, decisions.map(({key}) => key), label, context);
  }

  // What was sent otherwise: a stroke on a whole group, with the key of its ``batch`` in the context.
  note(candidates, keys, label, context = {}) {
    const before = candidates.map(({decided}) => decided);
    this.entries.push({...context, candidates, keys, before});
    this.entries.splice(0, this.entries.length - this.most);
    for (const candidate of candidates) candidate.decided = typeof label === "function" ? label(candidate) : label;
  }

  // Takes the last act back; what it was, or undefined where there is none.
  undo() {
    const last = this.entries.pop();
    if (!last) return undefined;
    if (last.batch) outbox.undoBatch(last.batch);
    else outbox.undo(last.keys);
    last.candidates.forEach((candidate, k) => { candidate.decided = last.before[k]; });
    return last;
  }

  // What the server refused is undecided again, the rest of its batch stays; the candidates.
  refuse(decisions) {
    const refused = new Set((decisions ?? []).map(({key}) => key));
    const undecided = [];
    for (const entry of this.entries) {
      const {candidates, before, keys} = entry;
      candidates.forEach((candidate, k) => {
        if (!refused.has(keys[k])) return;
        candidate.decided = before[k];
        undecided.push(candidate);
      });
      const isTaken = (_, k) => !refused.has(keys[k]);
      Object.assign(entry, {candidates: candidates.filter(isTaken), before: before.filter(isTaken), keys: keys.filter(isTaken)});
    }
    this.entries = this.entries.filter(({keys, batch}) => keys.length || batch);
    return [...new Set(undecided)];
  }
}

// Takes back the last of what was decided before this page was opened; ``restart({after})`` shows
// it again. How many decisions that were, undefined where there was none or it failed.
export async function undoEarlier(restart) {
  say("Taking back …");
  const answer = await undoLast().catch((error) => say(error.message));
  if (!answer) return undefined;
  const {undone, after} = answer;
  if (undone) await restart({after});
  else say("There is nothing left to take back");
  return undone || undefined;
}

async function undoLast() {
  await outbox.running;
  return postJson(dataset.undo, {});
}
