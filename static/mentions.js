// Completion of @name in fields of comments, by the names of people who may see the survey.

import {element} from "./elements.js";
import {getJson} from "./server.js";

const WORD = /(?:^|[^\w.@+-])@([\w.@+-]*)$/u;
let numbers = 0;

class Completion {
  constructor(field) {
    this.field = field;
    this.asked = "";
    this.list = element("ul", {className: "names", id: `names-${numbers += 1}`, role: "listbox", hidden: true});
    this.list.ariaLabel = "People";
    field.after(this.list);
    field.setAttribute("aria-controls", this.list.id);
    field.setAttribute("aria-autocomplete", "list");
    field.addEventListener("input", () => this.ask());
    field.addEventListener("keydown", (event) => this.key(event));
    field.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      if (event.target.role === "option") this.take(event.target);
    });
  }

  get begun() {
    return WORD.exec(this.field.value.slice(0, this.field.selectionStart))?.[1];
  }

  async ask() {
    const {begun} = this;
    this.asked = begun;
    if (begun === undefined) return this.close();
    const {names} = await getJson(`/people/?q=${encodeURIComponent(begun)}`).catch(() => ({names: []}));
    // What was typed meanwhile is asked by itself.
    return this.asked === begun ? this.show(names) : undefined;
  }

  show(names) {
    this.list.replaceChildren(...names.map((textContent, k) => element("li", {textContent, role: "option", id: `${this.list.id}-${k}`})));
    this.list.hidden = !names.length;
    this.choose(0);
  }

  choose(at) {
    const options = [...this.list.children];
    this.at = options.length && (at + options.length) % options.length;
    options.forEach((one, k) => { one.ariaSelected = k === this.at; });
    if (options.length) this.field.setAttribute("aria-activedescendant", options[this.at].id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (this.list.hidden) return;
    const steps = {ArrowDown: 1, ArrowUp: -1};
    if (event.key in steps) this.choose(this.at + steps[event.key]);
    else if (event.key === "Enter" || event.key === "Tab") this.take(this.list.children[this.at]);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  take({textContent: name}) {
    const {field, begun} = this, at = field.selectionStart;
    field.setRangeText(`${name} `, at - begun.length, at, "end");
    this.close();
  }

  close() {
    this.asked = "";
    this.list.hidden = true;
    this.field.removeAttribute("aria-activedescendant");
  }
}

for (const field of document.querySelectorAll("[data-mentions]")) new Completion(field);
