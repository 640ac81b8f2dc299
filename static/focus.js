// Where a part of the page is replaced that had the focus, and what had it is gone, the new part
// has it: who pages through a list by keyboard goes on there, and not at the top of the page.

let held = null;

document.addEventListener("htmx:beforeSwap", ({detail: {target}}) => {
  held = target.contains(document.activeElement) ? target.id : null;
});

document.addEventListener("htmx:afterSettle", () => {
  const place = held && document.getElementById(held);
  held = null;
  if (!place || place.contains(document.activeElement)) return;
  place.tabIndex = -1;
  place.focus({preventScroll: true});
});
