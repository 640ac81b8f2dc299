// The key ?, and the link in the head of the page, open what is known of the page and its keys; where
// that can't be had, the link leads to all help.

import {element} from "./elements.js";
import {hasModifier, isInField} from "./keys.js";

const link = document.getElementById("help-link");
let dialog = null;

async function open() {
  if (dialog?.open) return dialog.close();
  try {
    dialog ??= await made();
  } catch (error) {
    console.warn(error);
    location.assign(link.href);
    return undefined;
  }
  return dialog.showModal();
}

async function made() {
  const response = await fetch(link.dataset.page);
  if (!response.ok || response.redirected) throw new Error(`${link.dataset.page}: ${response.status}`);
  const box = element("dialog", {className: "help-of-page"});
  box.setAttribute("aria-label", "Help for this page");
  // The server's own words, of which none is anybody's input.
  box.innerHTML = await response.text();
  document.body.append(box);
  return box;
}

// Vetting has help of its own, with the keys of classes.
const hasOwn = () => document.getElementById("help") !== null;

link?.addEventListener("click", (event) => {
  if (!link.dataset.page || hasModifier(event) || event.button !== 0) return;
  event.preventDefault();
  open();
});
window.addEventListener("keydown", (event) => {
  if (!link?.dataset.page || event.key !== "?" || event.defaultPrevented || hasOwn()) return;
  if (isInField(event) || hasModifier(event) || (event.target.closest("dialog") && !dialog?.open)) return;
  event.preventDefault();
  open();
});
