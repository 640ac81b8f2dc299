// What the causes of a sheet's candidates suggest, as choices of the class of the rest.

export const AS_SUGGESTED = "as-suggested";

export class Suggestions {
  // ``choices``: the select of the rest's class; what its taxonomy lacks is an artifact, or its last.
  constructor(choices) {
    this.choices = choices;
    this.values = new Map([...choices.options].map(({value, textContent}) => [value, textContent.trim()]));
    this.fallback = this.values.has("artifact") ? "artifact" : [...this.values.keys()].pop();
    this.isChosen = false;
    choices.addEventListener("change", () => { this.isChosen = true; });
  }

  of({suggestion}) {
    return this.values.has(suggestion) ? suggestion : this.fallback;
  }

  labelOf(object) {
    return this.values.get(this.of(object));
  }

  // One class where all of the candidates suggest it, else each its own; unless somebody chose.
  offer(objects) {
    if (this.isChosen) return;
    const found = new Set(objects.map((object) => this.of(object))), [only] = found;
    this.choices.value = found.size === 1 ? only : AS_SUGGESTED;
  }

  // {class, label} of a candidate by what is chosen now.
  chosenFor(object) {
    const {value} = this.choices, choice = value === AS_SUGGESTED ? this.of(object) : value;
    return {choice, label: this.values.get(choice)};
  }
}
