// @ts-check
/** @import { SignalingSocket } from "./socket.js" */

const PINGS = 5;
const PAUSE = 60;
const MEASURED_WITHIN = 3000;

/** The server's clock, as its answers to pings tell it; the quickest one of each connection counts. */
export class ServerClock {
  #socket;
  #offset = 0;
  #quickest = Infinity;
  #answers = 0;
  /** @type {Promise<void> | null} */ #measured = null;

  /** @param {SignalingSocket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.on("pong", (pong) => this.#take(pong));
    socket.on("down", () => {
      // The device may have slept, or its clock was set.
      this.#measured = null;
      this.#quickest = Infinity;
    });
  }

  /** What to add to this device's time for the server's, in milliseconds. @returns {Promise<number>} */
  async measure() {
    this.#measured ??= this.#ping();
    await this.#measured;
    return this.#offset;
  }

  async #ping() {
    const before = this.#answers;
    const deadline = performance.now() + MEASURED_WITHIN;
    for (let count = 0; count < PINGS; count++) {
      this.#socket.ping();
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    while (this.#answers < before + PINGS && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  /** @param {{took: number, now: number}} pong */
  #take({ took, now }) {
    this.#answers++;
    if (took >= this.#quickest) return;
    this.#quickest = took;
    this.#offset = now + took / 2 - Date.now();
  }
}
