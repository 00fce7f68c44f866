// @ts-check

const SHORTEST = 0.5;
const LONGEST = 10;

/** Longer and longer pauses, never the same for two pages, and cut short when things look better. */
export class Backoff {
  #failures = 0;
  /** @type {(() => void) | null} */ #wake = null;

  reset() {
    this.#failures = 0;
  }

  /** Ends a pause. */
  hurry() {
    this.#wake?.();
  }

  /** @param {number | null} asked seconds that the server wants to be left alone; `hurry` doesn't cut them */
  async pause(asked = null) {
    const own = Math.min(LONGEST, SHORTEST * 2 ** this.#failures++);
    const seconds = asked === null ? own * (0.75 + Math.random() / 2) : asked + Math.random();
    await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), seconds * 1000);
      if (asked !== null) return;
      this.#wake = () => {
        clearTimeout(timer);
        resolve(null);
      };
    });
    this.#wake = null;
  }
}
