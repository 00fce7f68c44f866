// @ts-check
import { Emitter } from "../events.js";
import { whileHolding } from "./holding.js";
import { memoryQueue, openQueue } from "./queue.js";
import { TrackUpload } from "./upload.js";

/**
 * @import { RecordingLine } from "./line.js"
 * @import { Chunk, Queue, Row } from "./queue.js"
 */

const STALE = 24 * 60 * 60 * 1000;
/** A page that is just being closed still holds what it was sending. */
const LOOK_AGAIN = [3000, 60_000];
const TICKET_POLL = 50;

/**
 * All that this browser still has to send: what this page records, and what pages before it left.
 * `change` something was sent, or is to be sent · `sent` a track is whole at the server · `over` the server takes no more of a track · `full` a part was lost, for lack of room.
 * @extends {Emitter<{change: {}, sent: {isOwn: boolean}, over: {track: string, code: string, message: string}, full: {}}>}
 */
export class Uploads extends Emitter {
  #meeting;
  /** @type {Promise<Queue>} */ #queue;
  /** @type {RecordingLine | null} */ #line = null;
  /** @type {Map<string, {upload: TrackUpload | null, isOwn: boolean, queue: Queue | null}>} */ #running = new Map();
  /** What is stored is stored in the order in which it came. @type {Promise<unknown>} */ #work;
  /** @type {Set<Promise<unknown>>} */ #own = new Set();

  /** @param {string} meeting its link id @param {Promise<Queue>} [queue] */
  constructor(meeting, queue = openQueue()) {
    super();
    this.#meeting = meeting;
    this.#queue = queue;
    this.#work = queue;
    window.addEventListener("online", () => this.#wakeAll());
  }

  /** Sends what is left from earlier pages, now and whenever another page may have gone. */
  adopt() {
    this.#adopt();
    setTimeout(() => this.#adopt(), LOOK_AGAIN[0]);
    setInterval(() => this.#adopt(), LOOK_AGAIN[1]);
  }

  /** Tickets can be had over this line. @param {RecordingLine} line */
  attach(line) {
    this.#line = line;
    line.on("open", () => {
      this.#wakeAll();
      this.#adopt();
    });
    if (line.isOpen) this.#adopt();
  }

  /** How many seconds of what this page recorded are not at the server. */
  get left() {
    return this.#sum(true);
  }

  /** Whether something of an earlier page is being sent. */
  get isCatchingUp() {
    return this.#sum(false) > 0;
  }

  /** Whether nothing that this page recorded is left. */
  get isIdle() {
    return ![...this.#running.values()].some(({ isOwn }) => isOwn);
  }

  /** Resolves when what this page records needs the line no more. */
  async ticketed() {
    while (this.#line?.isOpen && [...this.#running.values()].some(({ upload, isOwn }) => isOwn && !upload?.hasTicket)) {
      await new Promise((resolve) => setTimeout(resolve, TICKET_POLL));
    }
  }

  /** Resolves when nothing that this page recorded is left. */
  async settled() {
    while (this.#own.size > 0) await Promise.allSettled(this.#own);
  }

  /** @param {{track: string, archive: string, kind: "camera" | "screen"}} segment */
  begin({ track, archive, kind }) {
    /** @type {Row} */
    const row = {
      track,
      meeting: this.#meeting,
      archive,
      kind,
      since: Date.now(),
      startedAt: null,
      offset: null,
      address: null,
      ticket: null,
      ticketUntil: 0,
      recorded: 0,
      count: null,
      bytes: 0,
    };
    this.#running.set(track, { upload: null, isOwn: true, queue: null });
    /** @type {() => void} */
    let opened = () => {};
    const isOpen = new Promise((resolve) => (opened = () => resolve(null)));
    this.#enqueue(() => isOpen);
    const done = whileHolding(`recording.${track}`, async () => {
      const queue = await this.#open(row);
      opened();
      await this.#send(queue, track, true);
    })
      .catch(broken)
      .finally(() => {
        opened();
        this.#own.delete(done);
        this.#forget(track);
      });
    this.#own.add(done);
  }

  /** @param {Row} row @returns {Promise<Queue>} where its chunks go */
  async #open(row) {
    try {
      const queue = await this.#queue;
      await queue.open(row);
      return queue;
    } catch {
      // Somebody cleared the site's data, or the disk is full.
      const queue = memoryQueue();
      this.#queue = Promise.resolve(queue);
      await queue.open(row);
      return queue;
    }
  }

  /** @param {string} track @param {number} at this device's time, in milliseconds */
  started(track, at) {
    this.#store(track, (queue) => queue.change(track, { startedAt: at }));
  }

  /** @param {string} track @param {Chunk} chunk */
  add(track, chunk) {
    this.#store(track, async (queue) => {
      if ((await queue.add(track, chunk)) === "full") this.emit("full", {});
    });
  }

  /** @param {string} track @param {number} count of its chunks */
  end(track, count) {
    this.#store(track, (queue) => queue.change(track, { count }));
  }

  /** @param {string} track @param {(queue: Queue) => Promise<unknown>} step */
  #store(track, step) {
    this.#enqueue(async () => {
      await step(this.#running.get(track)?.queue ?? (await this.#queue));
      this.#running.get(track)?.upload?.wake();
      this.emit("change", {});
    });
  }

  /** @param {() => Promise<unknown>} step */
  #enqueue(step) {
    this.#work = this.#work.then(step).catch(broken);
  }

  async #adopt() {
    const queue = await this.#queue;
    for (const { track, since } of await queue.rows().catch(() => [])) {
      if (this.#running.has(track)) continue;
      this.#running.set(track, { upload: null, isOwn: false, queue });
      const isStale = Date.now() - since > STALE;
      const work = () => (isStale ? queue.drop(track) : this.#send(queue, track, false));
      whileHolding(`recording.${track}`, work)
        .catch(broken)
        .finally(() => this.#forget(track));
    }
  }

  /** @param {Queue} queue @param {string} track @param {boolean} isOwn */
  async #send(queue, track, isOwn) {
    const row = await queue.row(track);
    const line = () => (row?.meeting === this.#meeting ? this.#line : null);
    const upload = new TrackUpload(queue, track, { isOwn, line });
    upload.left = row?.recorded ?? 0;
    this.#running.set(track, { upload, isOwn, queue });
    this.emit("change", {});
    const ending = await upload.run();
    this.#forget(track);
    if (ending === "over") this.emit("over", { track, ...upload.reason });
    if (ending === "sent") this.emit("sent", { isOwn });
  }

  /** @param {string} track */
  #forget(track) {
    if (this.#running.delete(track)) this.emit("change", {});
  }

  #wakeAll() {
    for (const { upload } of this.#running.values()) upload?.wake();
  }

  /** @param {boolean} own */
  #sum(own) {
    let sum = 0;
    for (const { upload, isOwn } of this.#running.values()) if (isOwn === own) sum += upload?.left ?? 0;
    return sum;
  }
}

/** @param {unknown} error */
function broken(error) {
  console.warn("A part of the recording could not be kept.", error);
}
