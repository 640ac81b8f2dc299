// The key / goes to the box in the head of the page that finds things, unless the page takes it.

import {hasModifier, isInField} from "./keys.js";

const box = document.querySelector(".find input");

// On the window, which hears of a key once the page has.
window.addEventListener("keydown", (event) => {
  if (!box || event.key !== "/" || event.defaultPrevented) return;
  if (isInField(event) || event.target.closest("dialog") || hasModifier(event)) return;
  event.preventDefault();
  box.select();
  box.focus();
});
