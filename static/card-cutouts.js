// The cutouts of a card: each epoch's search and difference, as large as there is room for, with its
// date; whoever points at one, by mouse or keyboard, is told of it.

import {changeMark, framed, neighbourMarks, tile} from "./cutouts.js";
import {element} from "./elements.js";
import {dayOf} from "./light-curve-values.js";

const FEWEST = 4, MOST = 12;  // epochs in the one row that is shown at first
const CAPTION = 40, GAP = 5;  // pixels below, and between
const SHRINK = 0.3;  // of one epoch, by which all are smaller for another to fit

export class CardCutouts {
  // ``onImage(image id or null)`` hears which epoch is pointed at.
  constructor(grid, onImage) {
    Object.assign(this, {grid, onImage, card: null, all: false, at: 0});
    for (const [name, isThere] of [["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]]) {
      grid.addEventListener(name, ({target}) => this.point(target.closest(".epoch"), isThere));
    }
    new ResizeObserver(() => this.fit()).observe(grid.parentElement);
  }

  get epochs() {
    return this.card?.cutouts?.epochs ?? [];
  }

  get buttons() {
    return [...this.grid.querySelectorAll(".epoch")];
  }

  get nShown() {
    return Math.min(this.epochs.length, this.all ? Infinity : this.n ?? FEWEST);
  }

  show(card) {
    Object.assign(this, {card, all: false, at: 0, drawn: null});
    this.fit();
  }

  toggleAll() {
    this.all = !this.all;
    this.fit();
  }

  // As many epochs as fit beside the reference where each is as high as half the room.
  fit() {
    if (!this.card) return;
    const {clientWidth: width, clientHeight: height} = this.grid.parentElement;
    const style = getComputedStyle(this.grid.parentElement), room = (name) => width - parseFloat(style[`${name}Left`]) - parseFloat(style[`${name}Right`]);
    const wide = room("padding"), side = (height - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom) - CAPTION) / 2;
    const isRow = getComputedStyle(this.grid).flexWrap === "wrap";
    const fitting = Math.floor((wide + GAP) / (side + GAP) + SHRINK) - 1;
    this.n = isRow ? Math.max(FEWEST, Math.min(MOST, fitting, Math.max(this.epochs.length, FEWEST))) : MOST;
    const widest = Math.floor((wide + GAP) / (this.n + 1)) - GAP;
    this.grid.style.setProperty("--side", `${Math.floor(isRow ? Math.min(side, widest) : Math.min(wide * 0.38, 180))}px`);
    this.draw();
  }

  draw() {
    const {grid, card, nShown} = this, drawn = `${card.refsource_id} ${nShown}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    grid.classList.toggle("has-all", this.all);
    if (!card.cutouts) return grid.replaceChildren(element("p", {className: "hint", textContent: "No cutouts are rendered of this candidate yet."}));
    const more = this.epochs.length - nShown;
    grid.replaceChildren(reference(card, more), ...this.epochs.slice(0, nShown).map((epoch, k) => epochButton(card.cutouts, epoch, k === this.at)));
  }

  point(button, isThere) {
    if (!button) return;
    this.onImage(isThere ? Number(button.dataset.image) : null);
    if (isThere) this.at = this.buttons.indexOf(button);
  }

  // The focus goes to the next epoch, or to the first.
  step(by) {
    const {buttons} = this, hasFocus = buttons.includes(document.activeElement);
    if (!buttons.length) return;
    this.at = hasFocus ? Math.max(0, Math.min(buttons.length - 1, this.at + by)) : this.at;
    buttons.forEach((button, k) => { button.tabIndex = k === this.at ? 0 : -1; });
    buttons[this.at].focus();
  }

  mark(image) {
    for (const button of this.buttons) button.classList.toggle("marked", Number(button.dataset.image) === image);
  }
}

function reference({cutouts, compass, neighbours, mag, changed_star: changed}, more) {
  const isBrighter = ([other, distance]) => other < mag && distance <= 2;
  const picture = framed(tile(cutouts, 0, 0, "reference"), compass);
  picture.append(neighbourMarks(neighbours, isBrighter));
  if (changed?.mark) picture.append(changeMark(changed.mark));
  return element("div", {className: "reference", title: compass?.words ?? ""}, picture,
    element("small", {textContent: "reference"}), element("small", {textContent: more > 0 ? `${more} more (m)` : ""}));
}

function epochButton(cutouts, {x, image_id: image, mjd, sigma, change}, isFirst) {
  const day = mjd === undefined || mjd === null ? "" : dayOf(mjd), said = change ? `${sigma} σ` : "no change";
  const button = element("button", {type: "button", className: `epoch${change ? " detected" : ""}`, tabIndex: isFirst ? 0 : -1, ariaLabel: `${day}, ${said}: search above, difference below`},
    tile(cutouts, x, 0, "search"), tile(cutouts, x, cutouts.tile, "difference"), element("small", {textContent: day}), element("small", {textContent: said}));
  button.dataset.image = image;
  return button;
}
