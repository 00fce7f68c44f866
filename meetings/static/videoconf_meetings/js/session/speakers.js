// @ts-check
import { Emitter } from "../events.js";
import { LevelMeter } from "../media/levels.js";

/** @import { Roster } from "./roster.js" */
/** @import { Participant } from "../types.js" */

const INTERVAL = 200;
const THRESHOLD = 0.04;
/** Pauses between words don't take the word away. */
const HOLD = 1200;

/**
 * Who speaks, measured from the sound itself.
 * @extends {Emitter<{level: {id: string, level: number, speaking: boolean}}>}
 */
export class Speakers extends Emitter {
  #roster;
  /** @type {Map<string, {meter: LevelMeter, heard: number, shown: number}>} */ #meters = new Map();
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  /** @param {Roster} roster */
  constructor(roster) {
    super();
    this.#roster = roster;
    for (const type of /** @type {const} */ (["added", "changed", "streams"]))
      roster.on(type, (someone) => this.#follow(someone));
    roster.on("replaced", ({ previous, participant }) => {
      this.#stop(previous);
      this.#follow(participant);
    });
    roster.on("removed", ({ participant }) => this.#stop(participant.id));
  }

  /** @param {Participant} participant */
  #follow({ id, media, streams }) {
    const track = media.mic ? streams.camera?.getAudioTracks()[0] : undefined;
    const known = this.#meters.get(id);
    if (known?.meter.track === track) return;
    this.#stop(id);
    if (!track) return;
    this.#meters.set(id, { meter: new LevelMeter(track), heard: -Infinity, shown: 0 });
    this.#timer ??= setInterval(() => this.#measure(), INTERVAL);
  }

  #measure() {
    if (document.hidden) return;
    const now = performance.now();
    for (const [id, entry] of this.#meters) {
      const level = entry.meter.read();
      if (level > THRESHOLD) entry.heard = now;
      const speaking = now - entry.heard < HOLD;
      const step = speaking ? Math.max(1, Math.ceil(level * 5)) : 0;
      if (step === entry.shown) continue;
      entry.shown = step;
      this.emit("level", { id, level: step, speaking });
    }
  }

  /** @param {string} id */
  #stop(id) {
    const entry = this.#meters.get(id);
    if (!entry) return;
    entry.meter.stop();
    this.#meters.delete(id);
    if (this.#roster.get(id)) this.emit("level", { id, level: 0, speaking: false });
    if (this.#meters.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
