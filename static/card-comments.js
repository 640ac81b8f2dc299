// What people say of the candidate of a card, in a dialog, as far as its voter may see it.

import {byId, say} from "./elements.js";

async function partOf(url) {
  const response = await fetch(`${url}comments/`);
  if (!response.ok || response.redirected) throw new Error("The comments could not be loaded; you may have been logged out");
  return response.text();
}

// Opens or closes the comments on a card's candidate.
export async function toggleComments({url, refsource_id: source}) {
  const dialog = byId("comments");
  if (dialog.open) return dialog.close();
  try {
    byId("comments-said").innerHTML = await partOf(url);
  } catch ({message}) {
    return say(message);
  }
  byId("comments-title").textContent = `Comments on ${source}`;
  byId("comments-answer").href = `${url}#discussion`;
  return dialog.showModal();
}
