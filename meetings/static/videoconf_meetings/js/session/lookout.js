// @ts-check
/** @import { Archive } from "../types.js" */

const SECONDS = 10;

/**
 * Looks, while somebody stands before the meeting, whether it is being recorded by now: nobody shall go in without knowing.
 * It reads the page anew, which says so to whoever may read it.
 */
export class Lookout {
  #see;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  /** @param {(seen: {recording: boolean, archive: Archive | null}) => void} see */
  constructor(see) {
    this.#see = see;
  }

  start() {
    this.stop();
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.#look(), SECONDS * 1000);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look() {
    const timer = this.#timer;
    const response = await fetch(location.pathname + location.search, { credentials: "same-origin" }).catch(() => null);
    const page = response?.ok ? await response.text().catch(() => "") : "";
    if (timer !== this.#timer || page === "") return;
    const config = new DOMParser().parseFromString(page, "text/html").getElementById("meeting-config");
    if (!config) return;
    const { recording, archive = null } = JSON.parse(config.textContent ?? "{}");
    this.#see({ recording: Boolean(recording), archive });
  }
}
