// The layout of a contact sheet: as many tiles as the window has room for, large enough to judge.

import {element} from "./elements.js";

const SMALLEST = 150, WIDER = 1.06;  // pixels; in steps of this factor

export class Layout {
  // ``area`` holds ``sheet``, a grid whose columns are at least as wide as its --tile; ``most``
  // tiles are on it.
  constructor(area, sheet, most) {
    Object.assign(this, {area, sheet, most, columns: 1, rows: 1});
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
    probe.remove();
    return before !== [this.columns, this.rows].join();
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
