// @ts-check
import { Emitter } from "../events.js";

/** A permission to upload one track. @typedef {{address: string, ticket: string, expiresIn: number}} Ticket */

const ANSWERED_WITHIN = 10_000;
const TICKET_SECONDS = 900;

/** The server does not want this track; `code` says why. */
export class TrackRefused extends Error {
  /** @param {{code?: string, message?: string}} refusal */
  constructor({ code = "refused", message = "" }) {
    super(message);
    this.code = code;
  }
}

/**
 * What a page that records says to the server besides its chunks, over the provider's own connection, and the server's clock.
 * @extends {Emitter<{open: {}}>}
 */
export class RecordingLine extends Emitter {
  isOpen = false;
  #send;
  #clock;
  /** @type {Map<string, {resolve: (ticket: Ticket) => void, reject: (reason: Error) => void}>} */ #asked = new Map();

  /**
   * @param {(frame: Record<string, any>) => void} send
   * @param {{measure: () => Promise<number>}} clock what to add to this device's time for the server's, in milliseconds
   */
  constructor(send, clock) {
    super();
    this.#send = send;
    this.#clock = clock;
  }

  /** The provider is in the meeting, for the first time or again. */
  opened() {
    this.isOpen = true;
    this.emit("open", {});
  }

  /** The provider lost the meeting; what was asked gets no answer. */
  lost() {
    this.isOpen = false;
    for (const { reject } of this.#asked.values()) reject(new Error("The connection was lost."));
    this.#asked.clear();
  }

  offset() {
    return this.#clock.measure();
  }

  /**
   * Asks for a ticket, or for a newer one.
   * @param {{track: string, kind: "camera" | "screen", startedAt: number}} track `startedAt` by the server's clock
   * @returns {Promise<Ticket>}
   * @throws {TrackRefused}
   */
  async ticket({ track, kind, startedAt }) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const answered = /** @type {Promise<Ticket>} */ (
      new Promise((resolve, reject) => {
        this.#asked.set(track, { resolve, reject });
        timer = setTimeout(() => reject(new Error("No answer.")), ANSWERED_WITHIN);
        this.#send({ t: "track", track, kind, startedAt: Math.round(startedAt) });
      })
    );
    return answered.finally(() => {
      clearTimeout(timer);
      this.#asked.delete(track);
    });
  }

  /** The answer to `ticket`. @param {Record<string, any>} frame */
  receive({ track, address, ticket, expiresIn, refused }) {
    const asked = this.#asked.get(track);
    if (refused) asked?.reject(new TrackRefused(refused));
    else asked?.resolve({ address, ticket, expiresIn: expiresIn ?? TICKET_SECONDS });
  }

  /** @param {import("../types.js").Archive} archive @param {"agreed" | "declined"} decision */
  decide({ id, version }, decision) {
    this.#send({ t: "consent", archive: id, version, decision });
  }
}
