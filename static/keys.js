// Which keys are commands to a page, and not text or shortcuts of the browser.

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
