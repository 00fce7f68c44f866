// @ts-check
import { Emitter } from "../events.js";

/** @import { Link, MediaState, Participant } from "../types.js" */
/** @import { Arrival } from "../providers/provider.js" */

/** How long the place of someone who reloads her page is kept for her. */
const KEEP_PLACE_SECONDS = 5;

/**
 * Who is in the meeting, this page first. A reload takes the place over: `replaced` instead of `removed` and `added`.
 * @extends {Emitter<{
 *   added: Participant, removed: {participant: Participant, reason: string},
 *   replaced: {previous: string, participant: Participant}, changed: Participant, streams: Participant,
 * }>}
 */
export class Roster extends Emitter {
  /** @type {Map<string, Participant>} */ #people = new Map();

  get size() {
    return this.#people.size;
  }

  /** @returns {Participant[]} */
  all() {
    return [...this.#people.values()];
  }

  /** @param {string} id */
  get(id) {
    return this.#people.get(id);
  }

  /** @param {Arrival & {local?: boolean}} arrival */
  arrive({ id, attendee, name, role, media, replaces, local = false }) {
    const known = this.#people.get(id);
    if (known) {
      Object.assign(known, { attendee, name, role, media });
      return this.emit("changed", known);
    }
    /** @type {Participant} */
    const participant = {
      id,
      attendee,
      name,
      role,
      media,
      local,
      streams: { camera: null, screen: null },
      link: local ? "connected" : "connecting",
      code: null,
    };
    if (replaces && this.#people.has(replaces)) this.#takeOver(replaces, participant);
    else {
      this.#people.set(id, participant);
      this.emit("added", participant);
    }
  }

  /** @param {string} id @param {string} reason @param {string} [replacedBy] */
  leave(id, reason, replacedBy) {
    const participant = this.#people.get(id);
    if (!participant) return;
    if (!replacedBy || this.#people.has(replacedBy)) return this.#drop(participant, reason);
    this.change(id, { link: "reconnecting" });
    setTimeout(
      () => this.#people.get(id) === participant && this.#drop(participant, "lost"),
      KEEP_PLACE_SECONDS * 1000,
    );
  }

  /** @param {string} id @param {Partial<{media: MediaState, link: Link, code: string | false | null}>} what */
  change(id, what) {
    const participant = this.#people.get(id);
    if (!participant) return;
    Object.assign(participant, what);
    this.emit("changed", participant);
  }

  /** @param {string} id @param {"camera" | "screen"} kind @param {MediaStream | null} stream */
  show(id, kind, stream) {
    const participant = this.#people.get(id);
    if (!participant) return;
    participant.streams = { ...participant.streams, [kind]: stream };
    this.emit("streams", participant);
  }

  /** This page goes on under another connection. @param {string} previous @param {string} id */
  rename(previous, id) {
    const participant = this.#people.get(previous);
    if (participant && previous !== id) this.#takeOver(previous, { ...participant, id });
  }

  clear() {
    for (const participant of this.all()) this.#drop(participant, "left");
  }

  /** @param {string} previous @param {Participant} participant */
  #takeOver(previous, participant) {
    // The order of the map is the order of the tiles.
    this.#people = new Map(
      [...this.#people].map(([id, someone]) => (id === previous ? [participant.id, participant] : [id, someone])),
    );
    this.emit("replaced", { previous, participant });
  }

  /** @param {Participant} participant @param {string} reason */
  #drop(participant, reason) {
    this.#people.delete(participant.id);
    this.emit("removed", { participant, reason });
  }
}
