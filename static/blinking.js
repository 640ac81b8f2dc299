// Blinking: search and reference image in turn in one position, so that what changed is seen.

export class Blinker {
  // ``draw(blinker)`` shows the reference if ``blinker.atReference``, else the search image.
  constructor(draw, intervalMs) {
    Object.assign(this, {draw, intervalMs, timer: null, atReference: false});
  }

  get isBlinking() {
    return this.timer !== null;
  }

  toggle() {
    if (this.isBlinking) return this.stop();
    this.timer = setInterval(() => this.show(!this.atReference), this.intervalMs);
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
