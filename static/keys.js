// Which keys are commands to a page, and not text or shortcuts of the browser.

import {KEYS} from "./key-lists.js";

const FIELDS = "input, select, textarea, [contenteditable]";

export const hasModifier = ({ctrlKey, altKey, metaKey}) => ctrlKey || altKey || metaKey;
export const isInField = ({target}) => target.closest(FIELDS) !== null;

// ``actions``: what each key does, {key: function}, outside of fields and dialogs.
export function onKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (isInField(event) || event.target.closest("dialog") || hasModifier(event) || !(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  });
}

// {key: the name of its command} on a page.
export const keysOf = (page) => Object.assign({}, ...KEYS[page].map((line) => line.keys));

// The same as onKeys, of commands by their names in the list of a page.
export function onKeysOf(page, commands) {
  const named = Object.entries(keysOf(page)).filter(([, name]) => name in commands);
  onKeys(Object.fromEntries(named.map(([key, name]) => [key, commands[name]])));
}
