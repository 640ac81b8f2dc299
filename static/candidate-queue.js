// The candidates of a campaign that are still to come, fetched in batches.

import {byId, pause, say} from "./elements.js";
import {getJson, retryMs} from "./server.js";

export class CandidateQueue {
  // ``take(candidates)`` gets each batch. ``beyond``: how many come after those that were fetched,
  // null while that is unknown; ``end``: the answer that says why no more come.
  constructor(take) {
    this.take = take;
    this.url = byId("lane").dataset.next;
    this.era = 0;
    this.skipped = false;
    this.restart();
  }

  // Begins again after a rank; ``skipped``: with those that were skipped.
  restart({after = 0, skipped = this.skipped} = {}) {
    Object.assign(this, {after, skipped, beyond: null, end: null, fetching: null, era: this.era + 1});
  }

  // The batch that is under way, or another one, of ``n`` candidates where that is given.
  fetch(n) {
    const {era} = this;
    this.fetching ??= this.fetchBatch(n).finally(() => {
      if (era === this.era) this.fetching = null;
    });
    return this.fetching;
  }

  async fetchBatch(n) {
    const {era} = this;
    const batch = await this.ask(n);
    if (era !== this.era) return;  // the queue was restarted meanwhile
    this.after = batch.after;
    this.beyond = batch.left ?? this.beyond - batch.objects.length;
    if (!batch.objects.length) this.end = batch;
    this.take(batch.objects);
  }

  // Asks the server until it answers.
  async ask(n) {
    const {after, skipped, beyond, url} = this;
    const query = new URLSearchParams({after, ...(skipped && {skipped: 1}), ...(beyond === null && {count: 1}), ...(n && {n})});
    for (let failures = 0; ; failures += 1) {
      try {
        return await getJson(`${url}?${query}`);
      } catch (error) {
        say(`No more candidates yet: ${error.message}. Trying again`);
        await pause(retryMs(failures));
      }
    }
  }
}
