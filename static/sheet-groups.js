// Whole groups on a contact sheet: the extremes of one are shown, and one stroke votes on all of it.

import {newKey, outbox} from "./decisions.js";
import {byId, pause, say} from "./elements.js";
import {getJson, retryMs} from "./server.js";

export class Groups {
  constructor() {
    const {group, decideGroup} = byId("lane").dataset;
    Object.assign(this, {url: group, decideUrl: decideGroup, isOn: false, current: null, coming: null, after: 0});
  }

  // Turned on or off; begins with the first group that is left.
  turn(isOn) {
    Object.assign(this, {isOn, after: 0, coming: null});
    for (const button of document.querySelectorAll("[data-command=groups]")) button.setAttribute("aria-pressed", isOn);
  }

  // The extremes of the next group of which much is left, none where there is no such group.
  async next(n) {
    for (let failures = 0; ; failures += 1) {
      try {
        const {group, objects, after} = await getJson(`${this.url}?${new URLSearchParams({after: this.after, n})}`);
        Object.assign(this, {coming: group, after});
        return objects;
      } catch (error) {
        say(`No group yet: ${error.message}. Trying again`);
        await pause(retryMs(failures));
      }
    }
  }

  // The tiles that are on the screen from now on are those that were fetched last, or of no group.
  arrive() {
    Object.assign(this, {current: this.coming, coming: null});
  }

  // Votes on all of the group; ``extremes`` are those of it that are not decided by themselves. The
  // key by which it is taken back.
  strike(extremes, choice) {
    const key = newKey(), {token} = this.current;
    const seen = extremes.map(({refsource_id, stamp, ms}) => ({refsource_id, shown: {stamp, seconds: (ms ?? 0) / 1000}}));
    outbox.add({url: this.decideUrl, body: {group: token, choice, key, seen}, count: 1});
    return key;
  }

  // Shown again, as its stroke is taken back.
  back(group) {
    Object.assign(this, {isOn: Boolean(group), current: group, coming: null, after: 0});
  }

  tell() {
    const {current} = this, told = byId("group-told");
    told.hidden = !current;
    byId("batch-act").textContent = current ? `Vote on all ${current.n}` : "Mark what was seen";
    if (current) told.textContent = `${current.n} are left of: ${current.name}. You see the least and the most significant of them; Enter votes on all, but for those decided here by themselves.`;
  }
}
