// @ts-check
import { Emitter } from "../events.js";

/**
 * What the server says of a recording. Seconds and bytes; `createdAt` in milliseconds or as ISO text.
 * @typedef {{
 *   id: string, status: string, reason?: string | null, createdAt?: number | string | null, duration?: number | null,
 *   size?: number | null, resolution?: string | null, outputMode?: string | null, hasAudio?: boolean, hasVideo?: boolean,
 *   url?: string | null, title?: string | null, people?: string[], progress?: {phase?: string, percent?: number} | null,
 *   missing?: {person?: string, kind?: string, from?: number, to?: number, why?: string}[],
 * }} Facts
 */

/** @typedef {{name: string, sessionId: string, metaData: Facts}} Recording */

/**
 * @typedef {{archiveId: string, apiUrl: string, dataUrl: string | null, recording: Recording | null, signIn: string | null}} Config
 */

/** @typedef {"making" | "ready" | "failed" | "gone" | "unknown" | "forbidden" | "locked" | "unreachable"} State */

const UNDER_WAY = new Set(["started", "paused", "stopping", "stopped", "composing", "uploading", "uploaded"]);
const LONGEST_WAIT = 20_000;
const SOON = 2000;
const LATER = 5000;
const MUCH_LATER = 15_000;

/**
 * One recording as the server tells of it, asked again and again while it is being made. Who may see it is the session's cookie's
 * business, or that of the token in the address's fragment.
 * @extends {Emitter<{change: {}}>}
 */
export class RecordingFile extends Emitter {
  /** @type {Recording | null} */ recording = null;
  /** @type {State} */ state = "making";
  config;
  #token;
  #isFresh = false;

  /** @param {Config} config @param {string} fragment */
  constructor(config, fragment) {
    super();
    this.config = config;
    this.#token = new URLSearchParams(fragment.slice(1)).get("token");
  }

  start() {
    if (!this.#token && this.config.recording) this.#take(this.config.recording);
    else this.#ask();
  }

  /** The link may have expired. @returns {Promise<boolean>} whether there is another one */
  async renew() {
    if (this.#isFresh) return false;
    const before = this.recording?.metaData.url;
    await this.#ask();
    this.#isFresh = true;
    return this.state === "ready" && this.recording?.metaData.url !== before;
  }

  /** The film played: the next failure is another one. */
  plays() {
    this.#isFresh = false;
  }

  async #ask() {
    const url = this.#token ? this.config.apiUrl : this.config.dataUrl;
    if (!url) return this.#go("locked");
    const response = await fetch(url, {
      headers: { Accept: "application/json", ...(this.#token && { Authorization: `Bearer ${this.#token}` }) },
      credentials: this.#token ? "omit" : "same-origin",
      signal: AbortSignal.timeout(LONGEST_WAIT),
    }).catch(() => null);
    const answer = response?.ok ? await response.json().catch(() => null) : null;
    if (answer) return this.#take(answer);
    this.#refuse(response?.status ?? 0);
  }

  /** @param {number} status */
  #refuse(status) {
    if (status === 401) this.#go(this.#token ? "forbidden" : "locked");
    else if (status === 403) this.#go("forbidden");
    else if (status === 404) this.#go("unknown");
    else {
      this.#go("unreachable");
      setTimeout(() => this.#ask(), MUCH_LATER);
    }
  }

  /** @param {Recording} recording */
  #take(recording) {
    this.recording = recording;
    const { status, url, progress } = recording.metaData;
    if (UNDER_WAY.has(status) && !(status === "uploaded" && url)) {
      this.#go("making");
      setTimeout(() => this.#ask(), progress?.percent == null ? LATER : SOON);
    } else if (status === "failed") this.#go("failed");
    else this.#go(url ? "ready" : "gone");
  }

  /** @param {State} state */
  #go(state) {
    this.state = state;
    this.emit("change", {});
  }
}
