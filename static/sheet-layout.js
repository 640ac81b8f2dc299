// The layout of a contact sheet: as many tiles as the window has room for, large enough to judge.

import {element} from "./elements.js";

const SMALLEST = 170, WIDER = 1.06;  // pixels; in steps of this factor

export class Layout {
  // ``area`` holds ``sheet``, a grid whose columns are at least as wide as its --tile; ``most``
  // tiles are on it. Where there are ``few`` (a number, else null) they are as large as all fit.
  constructor(area, sheet, most) {
    Object.assign(this, {area, sheet, most, few: null, columns: 1, rows: 1});
  }

  get capacity() {
    return this.columns * this.rows;
  }

  // Measures the room there is, with a tile that ``draw`` makes; whether there was a change.
  measure(draw) {
    const before = [this.columns, this.rows].join();
    const probe = element("div", {className: "probe"}, draw());
    this.sheet.append(probe);
    let width = SMALLEST;
    do {
      this.sheet.style.setProperty("--tile", `${width}px`);
      this.count(probe);
      width *= WIDER;
    } while (this.capacity > this.most);
    if (this.few !== null) this.grow(probe, width);
    probe.remove();
    return before !== [this.columns, this.rows].join();
  }

  // Wider by steps, as long as there is room for the few.
  grow(probe, width) {
    let last = width / WIDER;
    for (let wider = width; wider <= this.area.clientWidth; wider *= WIDER) {
      this.sheet.style.setProperty("--tile", `${wider}px`);
      this.count(probe);
      if (this.capacity < this.few) break;
      last = wider;
    }
    this.sheet.style.setProperty("--tile", `${last}px`);
    this.count(probe);
  }

  count(probe) {
    const {gridTemplateColumns, rowGap} = getComputedStyle(this.sheet), gap = parseFloat(rowGap);
    const {height} = probe.getBoundingClientRect();
    this.columns = gridTemplateColumns.split(" ").length;
    this.rows = Math.max(1, Math.floor((this.area.clientHeight + gap) / (height + gap)));
  }

  // How many of ``n`` tiles from ``k`` on stand beside each other in its row.
  span(k, n) {
    return Math.min(n, this.columns - k % this.columns);
  }
}
