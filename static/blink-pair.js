// Two exposures of the same sky in one place, shown in turn; both move together.

import {Blinker} from "./blinking.js";
import {byId, svgElement} from "./elements.js";

const STEP = 0.1, FAR_STEP = 0.4, CLOSER = 1.4, NARROWEST = 1, WIDEST = 180;  // of the view, and arcminutes

class BlinkPair {
  constructor(container) {
    this.container = container;
    this.whole = Number(container.dataset.width);
    this.view = {x: 0, y: 0, width: this.whole};
    this.svg = svgElement("svg", {class: "blink-sky", "aria-hidden": "true"});
    this.addFilters(JSON.parse(container.dataset.tables));
    this.sides = [...document.querySelectorAll("[data-chips]")].map((side) => ({side, group: svgElement("g"), chips: JSON.parse(side.dataset.chips)}));
    this.svg.append(...this.sides.map(({group}) => group));
    container.append(this.svg);
    this.shown = 0;
    this.blinker = new Blinker(({isBlinking, atReference}) => this.blinked(isBlinking, atReference));
    this.listen();
    new ResizeObserver(() => this.draw()).observe(container);
    this.show(0);
  }

  // One of each stretch for chips that are white at the same height.
  addFilters(tables) {
    for (const [white, stretches] of Object.entries(tables)) {
      for (const [stretch, tableValues] of Object.entries(stretches)) {
        const functions = ["R", "G", "B"].map((channel) => svgElement(`feFunc${channel}`, {type: "table", tableValues}));
        const filter = svgElement("filter", {id: `${stretch}-${white}`, "color-interpolation-filters": "sRGB", x: 0, y: 0, width: 1, height: 1});
        filter.append(svgElement("feComponentTransfer", {}, ...functions));
        this.svg.append(filter);
      }
    }
  }

  listen() {
    const {container} = this;
    byId("blink").addEventListener("click", () => this.blinker.toggle());
    byId("other").addEventListener("click", () => this.show(1 - this.shown));
    byId("stretch").addEventListener("change", () => this.draw());
    container.addEventListener("keydown", (event) => this.key(event));
    container.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.closer(1.0015 ** -event.deltaY);
    }, {passive: false});
    container.addEventListener("pointerdown", (event) => {
      this.drag = event;
      container.setPointerCapture(event.pointerId);
    });
    container.addEventListener("pointermove", (event) => {
      if (!this.drag) return;
      const scale = this.view.width / container.clientWidth;
      this.move((this.drag.clientX - event.clientX) * scale, (this.drag.clientY - event.clientY) * scale);
      this.drag = event;
    });
    for (const name of ["pointerup", "pointercancel"]) container.addEventListener(name, () => { this.drag = null; });
  }

  key(event) {
    const step = (event.shiftKey ? FAR_STEP : STEP) * this.view.width;
    const actions = {
      b: () => this.blinker.toggle(), " ": () => this.show(1 - this.shown),
      ArrowLeft: () => this.move(-step, 0), ArrowRight: () => this.move(step, 0), ArrowUp: () => this.move(0, -step), ArrowDown: () => this.move(0, step),
      "+": () => this.closer(CLOSER), "-": () => this.closer(1 / CLOSER), 0: () => this.reset(),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  blinked(isBlinking, atReference) {
    byId("blink").setAttribute("aria-pressed", String(isBlinking));
    this.see(isBlinking ? Number(atReference) : this.shown);
  }

  show(number) {
    this.shown = number;
    if (this.blinker.isBlinking) this.blinker.stop();
    this.see(number);
    byId("shown").textContent = this.sides[number].side.dataset.name;
  }

  see(number) {
    this.sides.forEach(({side, group}, k) => {
      group.style.visibility = k === number ? "visible" : "hidden";
      side.classList.toggle("is-shown", k === number);
    });
  }

  move(right, down) {
    this.view.x += right;
    this.view.y += down;
    this.draw();
  }

  closer(factor) {
    this.view.width = Math.max(NARROWEST, Math.min(WIDEST, this.view.width / factor));
    this.draw();
  }

  reset() {
    this.view = {x: 0, y: 0, width: this.whole};
    this.draw();
  }

  draw() {
    const {x, y, width} = this.view, {clientWidth, clientHeight} = this.container, height = width * clientHeight / clientWidth;
    if (!clientWidth) return;
    const box = [x - width / 2, y - height / 2, width, height];
    this.svg.setAttribute("viewBox", box.join(" "));
    const stretch = new FormData(byId("stretch")).get("stretch");
    for (const {group, chips} of this.sides) {
      for (const chip of chips) this.place(chip, group, box, stretch);
    }
    byId("scale-told").textContent = `${width.toFixed(width < 10 ? 1 : 0)}′ across`;
    document.body.dataset.ready = "yes";
  }

  // Fetched once they come into view, and kept.
  place(chip, group, [left, top, width, height], stretch) {
    const [a, b, c, d, e, f] = chip.matrix, xs = [e, e + a, e + c, e + a + c], ys = [f, f + b, f + d, f + b + d];
    const isSeen = Math.max(...xs) > left && Math.min(...xs) < left + width && Math.max(...ys) > top && Math.min(...ys) < top + height;
    if (!chip.image && !isSeen) return;
    if (!chip.image) {
      chip.image = svgElement("image", {href: chip.url, width: 1, height: 1, preserveAspectRatio: "none", transform: `matrix(${chip.matrix.join(" ")})`});
      group.append(chip.image);
    }
    if (stretch === "asinh") chip.image.removeAttribute("filter");
    else chip.image.setAttribute("filter", `url(#${stretch}-${chip.white})`);
  }
}

const container = byId("blink-pair");
if (container) new BlinkPair(container);
