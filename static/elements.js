// Elements of a page: found, made, filled; and waiting until they are drawn.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
// When what changed is drawn; soon, too, where nothing is drawn as the page is hidden.
export const painted = () => Promise.race([pause(150), new Promise((done) => requestAnimationFrame(() => setTimeout(done)))]);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function svgElement(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The number in a field, typed with a point or a comma; 0 where it is empty, NaN where it is none.
export const numberIn = (input) => Number(input.value.trim().replace(",", "."));

// Tells people on a page of vetting what was done; screen readers read it aloud.
export function say(text) {
  byId("said").textContent = text;
}
