// @ts-check
import { Backoff } from "./backoff.js";
import { TrackRefused } from "./line.js";
import { closeTrack, sendChunk } from "./transport.js";

/**
 * @import { RecordingLine } from "./line.js"
 * @import { Chunk, Queue, Row } from "./queue.js"
 * @import { Outcome } from "./transport.js"
 */

/** How it ended: all is at the server; the server takes no more; not now, as there is no ticket. @typedef {"sent" | "over" | "later"} Ending */

/** A ticket is renewed this long before it would be refused. */
const MARGIN = 60_000;
/** A ticket that was refused, although it was new. */
const MOST_BAD_TICKETS = 3;
/** A refusal that may be somebody else's, a proxy's that has lost our server, is not believed at once. */
const MOST_DOUBTS = 5;
const FOR_NOW = new Set(["busy", "unavailable", "storage_unavailable", "too_fast"]);

/** Sends the chunks of one track, one after another and in order, for as long as it takes, and then its end. */
export class TrackUpload {
  track;
  /** Why the server takes no more. */
  reason = { code: "", message: "" };
  hasTicket = false;
  /** Chunks that the server does not have. */
  left = 0;
  #queue;
  #isOwn;
  /** @type {() => RecordingLine | null} */ #line;
  #backoff = new Backoff();
  #badTickets = 0;
  #doubts = 0;
  #isWoken = false;
  /** @type {(() => void) | null} */ #wake = null;

  /**
   * @param {Queue} queue
   * @param {string} track
   * @param {{isOwn: boolean, line: () => RecordingLine | null}} options an own track may still grow; one of an earlier page has all
   *   that it will have. The line is there if it leads to the track's meeting.
   */
  constructor(queue, track, { isOwn, line }) {
    this.#queue = queue;
    this.track = track;
    this.#isOwn = isOwn;
    this.#line = line;
  }

  /** There is more to send, or a better chance to. */
  wake() {
    this.#isWoken = true;
    this.#wake?.();
    this.#backoff.hurry();
  }

  /** @returns {Promise<Ending>} */
  async run() {
    for (;;) {
      const ending = await this.#step();
      if (!ending) continue;
      this.left = 0;
      return ending;
    }
  }

  /** @returns {Promise<Ending | null>} */
  async #step() {
    const row = await this.#queue.row(this.track);
    if (!row) return "over";
    if (row.startedAt === null) return this.#isOwn ? this.#idle() : this.#drop();
    const holds = await this.#holdsTicket(row);
    this.hasTicket = holds === "held";
    if (holds === "refused") return this.#drop();
    if (holds === "none") return this.#isOwn ? this.#pause(null) : "later";
    const chunk = await this.#queue.next(this.track);
    this.left = chunk ? row.recorded - chunk.sequence : 0;
    if (chunk) return this.#take(await sendChunk(row, chunk), chunk);
    if (row.count === null && this.#isOwn) return this.#idle();
    return this.#take(await closeTrack(row, row.count ?? row.recorded), null);
  }

  /** @param {Outcome} outcome @param {Chunk | null} chunk `null` is the end of the track @returns {Promise<Ending | null>} */
  async #take(outcome, chunk) {
    if (outcome.kind === "again") return this.#pause(outcome.after);
    if (outcome.kind === "ticket") return this.#discardTicket();
    if (outcome.kind === "doubtful" && this.#doubts++ < MOST_DOUBTS) return this.#pause(null);
    if (outcome.kind === "over") {
      this.reason = outcome;
      return this.#drop();
    }
    this.#backoff.reset();
    this.#badTickets = this.#doubts = 0;
    if (!chunk) {
      await this.#queue.drop(this.track);
      return "sent";
    }
    await this.#queue.remove(this.track, chunk);
    if (outcome.kind === "done" && outcome.ticket)
      await this.#keep({ ticket: outcome.ticket, expiresIn: outcome.expiresIn });
    return null;
  }

  /** @param {Row} row @returns {Promise<"held" | "none" | "refused">} */
  async #holdsTicket(row) {
    const lasts = row.ticketUntil - Date.now();
    if (row.ticket && lasts > MARGIN) return "held";
    const line = this.#line();
    if (!line?.isOpen) return row.ticket && lasts > 0 ? "held" : "none";
    try {
      await this.#keep(await line.ticket(await this.#moment(row, line)));
      // Chunks are sent with what is stored.
      Object.assign(row, await this.#queue.row(this.track));
      return "held";
    } catch (error) {
      if (!(error instanceof TrackRefused) || FOR_NOW.has(error.code)) return "none";
      this.reason = { code: error.code, message: error.message };
      return "refused";
    }
  }

  /** Says the same at every time: once a track has a moment, it keeps it. @param {Row} row @param {RecordingLine} line */
  async #moment({ track, kind, startedAt, offset }, line) {
    const known = offset ?? (await line.offset());
    if (offset === null) await this.#queue.change(track, { offset: known });
    return { track, kind, startedAt: (startedAt ?? 0) + known };
  }

  /** @param {{ticket: string, address?: string, expiresIn?: number}} ticket */
  async #keep({ ticket, address, expiresIn = 900 }) {
    const ticketUntil = Date.now() + expiresIn * 1000;
    await this.#queue.change(this.track, { ticket, ticketUntil, ...(address && { address }) });
  }

  async #discardTicket() {
    await this.#queue.change(this.track, { ticket: null, ticketUntil: 0 });
    if (++this.#badTickets <= 1) return null;
    return this.#badTickets > MOST_BAD_TICKETS ? this.#drop() : this.#pause(null);
  }

  /** @returns {Promise<Ending>} */
  async #drop() {
    await this.#queue.drop(this.track);
    return "over";
  }

  /** @param {number | null} seconds @returns {Promise<null>} */
  async #pause(seconds) {
    await this.#backoff.pause(seconds);
    return null;
  }

  /** @returns {Promise<null>} */
  async #idle() {
    if (!this.#isWoken) await new Promise((resolve) => (this.#wake = () => resolve(null)));
    this.#isWoken = false;
    this.#wake = null;
    return null;
  }
}
