// What of a contact sheet was really on the screen: all of a tile, uncovered, and long enough to be seen.

const STEP_MS = 50, INSET = 7;  // how often it looks; pixels from a tile's corners
const LONGEST_STEP_MS = 150;  // of time that counts: not what the browser slept

// Whether all of an element is within what the screen shows, also of a page that is magnified.
function isWithin({left, top, right, bottom}) {
  const {offsetLeft, offsetTop, width, height} = visualViewport;
  return left >= offsetLeft - 1 && top >= offsetTop - 1 && right <= offsetLeft + width + 1 && bottom <= offsetTop + height + 1;
}

// Whether nothing lies over it: a panel, a dialog, or the edge of what scrolls.
function isUncovered(element, {left, top, right, bottom}) {
  return [left + INSET, right - INSET].every((x) => [top + INSET, bottom - INSET].every((y) =>
    element.contains(document.elementFromPoint(x, y))));
}

function isOnScreen(element) {
  const box = element.getBoundingClientRect();
  return isWithin(box) && isUncovered(element, box);
}

export class Looking {
  // ``waiting()``: [element, object] of what was not seen yet, where ``object.ms`` counts the time on
  // the screen up to ``seenMs``; ``tell()`` hears of every one that is seen by then. Nothing is
  // drawn, and no time passes, where the page is hidden.
  constructor(seenMs, waiting, tell) {
    Object.assign(this, {seenMs, waiting, tell, last: null});
    requestAnimationFrame((now) => this.look(now));
  }

  isSeen(object) {
    return object.ms >= this.seenMs;
  }

  look(now) {
    requestAnimationFrame((then) => this.look(then));
    this.last ??= now;
    const passed = now - this.last;
    if (passed < STEP_MS) return;
    this.last = now;
    let changed = false;
    for (const [element, object] of this.waiting()) {
      if (!isOnScreen(element)) continue;
      object.ms = (object.ms ?? 0) + Math.min(passed, LONGEST_STEP_MS);
      changed ||= this.isSeen(object);
    }
    if (changed) this.tell();
  }
}
