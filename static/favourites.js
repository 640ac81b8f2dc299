// Stars by which people mark candidates for themselves: a click, or the key * on a candidate's page.

import {onKeysOf} from "./keys.js";
import {csrfToken} from "./server.js";

// Marks a candidate or takes its star off, the other way where ``wanted`` isn't said; whether it is one.
export async function setFavourite(url, wanted) {
  const body = new URLSearchParams(wanted === undefined ? {} : {wanted: wanted ? "1" : "0"});
  const response = await fetch(url, {method: "POST", body, headers: {Accept: "application/json", "X-CSRFToken": csrfToken()}});
  if (response.redirected) throw new Error("You were logged out");
  const {favourite, error} = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(error ?? `The server answered ${response.status}`);
  return favourite;
}

async function press(button) {
  const wanted = button.ariaPressed !== "true";
  try {
    button.ariaPressed = await setFavourite(button.dataset.favourite, wanted);
    button.title = "";
  } catch ({message}) {
    button.title = message;
  }
}

document.addEventListener("click", ({target}) => {
  const button = target.closest("[data-favourite]");
  if (button) press(button);
});
const own = document.querySelector("h1 [data-favourite]");
if (own) onKeysOf("candidate", {favourite: () => press(own)});
