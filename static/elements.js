// What scripts of vetting do with elements, and how they wait.

export const byId = (id) => document.getElementById(id);
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
// When what changed is drawn; soon, too, where nothing is drawn as the page is hidden.
export const painted = () => Promise.race([pause(150), new Promise((done) => requestAnimationFrame(() => setTimeout(done)))]);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function say(text) {
  byId("said").textContent = text;
}
