// The focus of the keyboard, kept where htmx reparts the part of a page that has it: who pages
// through a list by keyboard goes on in the new part, and not at the top of the page.

let focusedPart = null;

document.addEventListener("htmx:beforeSwap", ({detail: {target}}) => {
  focusedPart = target.contains(document.activeElement) ? target.id : null;
});

document.addEventListener("htmx:afterSettle", () => {
  const part = focusedPart && document.getElementById(focusedPart);
  focusedPart = null;
  if (!part || part.contains(document.activeElement)) return;
  part.tabIndex = -1;
  part.focus({preventScroll: true});
});
