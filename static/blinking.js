// Blinking: search and reference image in turn in one position, so that what changed is seen.

const BLINK_MS = 350;

export class Blinker {
  // ``draw(blinker)`` shows the reference if ``blinker.atReference``, else the search image.
  constructor(draw) {
    Object.assign(this, {draw, timer: null, atReference: false});
  }

  get isBlinking() {
    return this.timer !== null;
  }

  toggle() {
    if (this.isBlinking) return this.stop();
    this.timer = setInterval(() => this.show(!this.atReference), BLINK_MS);
    this.show(false);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.show(false);
  }

  show(atReference) {
    this.atReference = atReference;
    this.draw(this);
  }
}
