// @ts-check
import { Emitter } from "../events.js";

const CHUNK_MILLISECONDS = 1000;
/** A page that was held up gets many seconds at once, more than the server takes. The pieces come one after another in the file. */
const LARGEST_CHUNK = 2 * 1024 * 1024;
const STARTS_WITHIN = 1500;

/**
 * One MediaRecorder over tracks that stay the same, from its start to its end. Other tracks are another segment.
 * `started` when its first moment was, in this device's time · `chunk` a second of it, and when it was had · `ended` with its number of chunks.
 * @extends {Emitter<{started: {at: number}, chunk: {sequence: number, bytes: ArrayBuffer, at: number | null}, ended: {count: number}}>}
 */
export class Segment extends Emitter {
  id = crypto.randomUUID();
  kind;
  tracks;
  #since = performance.now();
  #recorder;
  #count = 0;
  #isOver = false;
  /** Chunks are read and handed on one after another. @type {Promise<unknown>} */ #work = Promise.resolve();

  /**
   * @param {"camera" | "screen"} kind
   * @param {readonly MediaStreamTrack[]} tracks
   * @param {MediaRecorderOptions} options
   */
  constructor(kind, tracks, options) {
    super();
    this.kind = kind;
    this.tracks = tracks;
    this.#recorder = new MediaRecorder(new MediaStream([...tracks]), options);
    this.#recorder.addEventListener("start", () => this.emit("started", { at: Date.now() }));
    this.#recorder.addEventListener("dataavailable", ({ data }) => this.#take(data));
    for (const type of ["stop", "error"]) this.#recorder.addEventListener(type, () => this.#end());
  }

  /** Resolves when it records, or when there is nothing more to wait for. @returns {Promise<void>} */
  start() {
    const running = /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        this.on("started", () => resolve(), { once: true });
        this.on("ended", () => resolve(), { once: true });
        setTimeout(resolve, STARTS_WITHIN);
      })
    );
    this.#recorder.start(CHUNK_MILLISECONDS);
    return running;
  }

  /** The last chunk comes before `ended`; safe to call twice. */
  stop() {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }

  /** Hands out what it has at once: the page may be about to go. */
  flush() {
    if (this.#recorder.state === "recording") this.#recorder.requestData();
  }

  /** How old it is. */
  get seconds() {
    return (performance.now() - this.#since) / 1000;
  }

  get isOver() {
    return this.#isOver || this.#recorder.state === "inactive";
  }

  /** @param {readonly MediaStreamTrack[]} tracks */
  isOf(tracks) {
    return tracks.length === this.tracks.length && tracks.every((track) => this.tracks.includes(track));
  }

  /** @param {Blob} data */
  #take(data) {
    const now = Date.now();
    for (let start = 0; start < data.size; start += LARGEST_CHUNK) {
      const sequence = this.#count++;
      const piece = data.slice(start, start + LARGEST_CHUNK);
      const at = start + LARGEST_CHUNK < data.size ? null : now;
      this.#work = this.#work.then(async () => this.emit("chunk", { sequence, bytes: await piece.arrayBuffer(), at }));
    }
  }

  #end() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.stop();
    this.#work = this.#work.then(() => this.emit("ended", { count: this.#count }));
  }
}
