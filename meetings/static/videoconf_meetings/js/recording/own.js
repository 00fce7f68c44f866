// @ts-check
import { Emitter } from "../events.js";
import { decisionOn, keepDecision } from "../session/storage.js";
import { recorderOptions } from "./formats.js";
import { Segment } from "./segment.js";
import { Uploads } from "./uploads.js";

/**
 * @import { LocalMedia } from "../media/local.js"
 * @import { Archive } from "../types.js"
 * @import { RecordingLine } from "./line.js"
 */

/** @typedef {"camera" | "screen"} SegmentKind */
/** @typedef {"agreed" | "declined"} Decision */

/** Tells the server nothing new, but it must be there before the connection goes. */
const TICKETS_WITHIN = 2000;
const BROKEN_PAUSE = 1000;
const SHORT_SECONDS = 20;

/**
 * This page's part in a recording: its own picture, voice and screen, as long as a recording runs and the person is in it.
 * `ask` the person has to decide · `change` her part, or what is left to send, changed · `trouble` a part is missing.
 * @extends {Emitter<{ask: Archive, change: {}, trouble: {message: string}}>}
 */
export class OwnRecording extends Emitter {
  uploads;
  /** @type {Archive | null} */ archive = null;
  /** @type {Decision | null} */ decision = null;
  #local;
  /** @type {RecordingLine | null} */ #line = null;
  /** @type {Map<SegmentKind, Segment>} */ #segments = new Map();
  /** The recording that takes no more of this page. @type {string | null} */ #shut = null;
  /** What was said already. @type {Set<string>} */ #said = new Set();

  /** @param {string} meetingLink @param {LocalMedia} local */
  constructor(meetingLink, local) {
    super();
    this.#local = local;
    this.uploads = new Uploads(meetingLink);
    this.uploads.on("change", () => this.emit("change", {}));
    this.uploads.on("over", ({ track, code, message }) => this.#refused(track, code, message));
    this.uploads.on("full", () =>
      this.#complain("There is no room left on this device: a part of the recording is lost."),
    );
    local.on("change", () => this.update());
    for (const type of ["visibilitychange", "pagehide"]) {
      addEventListener(type, () => document.visibilityState === "hidden" && this.#flush(), { capture: true });
    }
  }

  /** The page is in the meeting. @param {RecordingLine | null} line `null`: this provider's recordings are not the page's business */
  attach(line) {
    this.#line = line;
    if (!line) return;
    this.uploads.attach(line);
    line.on("open", () => this.#repeatDecision());
  }

  /** @param {Archive | null} archive the recording that runs now */
  follow(archive) {
    const before = this.archive;
    this.archive = archive;
    if (archive && archive.id !== before?.id) this.#stop();
    if (archive && !isSame(archive, before)) {
      this.decision = archive.consent === "required" ? decisionOn(archive) : null;
      this.#repeatDecision();
      if (this.mustDecide) this.emit("ask", archive);
    }
    this.update();
    this.emit("change", {});
  }

  /** Whether the recording waits for the person's word. */
  get mustDecide() {
    return this.isAsked && this.decision === null;
  }

  /** @param {Decision} decision */
  decide(decision) {
    if (!this.archive) return;
    this.decision = decision;
    keepDecision(this.archive, decision);
    this.#repeatDecision();
    this.update();
    this.emit("change", {});
  }

  /** Whether the recording that runs is one that she is asked about. */
  get isAsked() {
    return this.#line !== null && this.archive?.consent === "required";
  }

  /** Whether she is in the recording that runs. */
  get isPart() {
    return this.archive !== null && (this.archive.consent !== "required" || this.decision === "agreed");
  }

  /** Whether this page records at this moment. */
  get isRecording() {
    return [...this.#segments.values()].some((segment) => !segment.isOver);
  }

  /** Records what is sent now, if it is to be recorded. */
  update() {
    const { microphone, camera, screen } = this.#local.tracks;
    const wanted = this.#line !== null && this.isPart && this.archive?.id !== this.#shut;
    this.#record("camera", wanted ? [microphone, camera] : []);
    this.#record("screen", wanted ? [screen] : []);
  }

  /** Ends what is recorded; resolves when the server has all of it. Nothing is left to do if it returns `null`. @returns {Promise<void> | null} */
  finish() {
    this.archive = null;
    this.#line = null;
    this.#stop();
    return this.uploads.isIdle ? null : this.uploads.settled();
  }

  /** Resolves when all that is recorded has its ticket, or in a moment. */
  async ticketed() {
    await Promise.race([this.uploads.ticketed(), new Promise((resolve) => setTimeout(resolve, TICKETS_WITHIN))]);
  }

  #stop() {
    for (const segment of this.#segments.values()) segment.stop();
    this.#segments.clear();
  }

  /** @param {SegmentKind} kind @param {readonly (MediaStreamTrack | null)[]} wanted */
  #record(kind, wanted) {
    const tracks = wanted.filter((track) => track !== null).filter(({ readyState }) => readyState === "live");
    const before = this.#segments.get(kind);
    if (before && !before.isOver && before.isOf(tracks)) return;
    if (tracks.length === 0) {
      before?.stop();
      this.#segments.delete(kind);
      return;
    }
    const running = this.#start(kind, tracks);
    // The one before goes on until this one does: not a word is lost between them.
    running?.then(() => before?.stop());
  }

  /** @param {SegmentKind} kind @param {readonly MediaStreamTrack[]} tracks */
  #start(kind, tracks) {
    const segment = newSegment(kind, tracks);
    if (!segment) {
      this.#complain("This browser can't record: you will be missing in the recording.");
      return null;
    }
    const track = segment.id;
    this.#segments.set(kind, segment);
    this.uploads.begin({ track, archive: this.archive?.id ?? "", kind });
    segment.on("started", ({ at }) => this.uploads.started(track, at));
    segment.on("chunk", (chunk) => this.uploads.add(track, chunk));
    segment.on("ended", ({ count }) => {
      this.uploads.end(track, count);
      // The recorder gave up by itself; what it recorded is there.
      if (this.#segments.get(kind) === segment) setTimeout(() => this.update(), BROKEN_PAUSE);
    });
    return segment.start();
  }

  /** @param {string} track @param {string} code @param {string} message */
  #refused(track, code, message) {
    const [kind, segment] = [...this.#segments].find(([, { id }]) => id === track) ?? [];
    if (!kind || !segment) return;
    this.#segments.delete(kind);
    segment.stop();
    // One that was silent for long, or is too long, is closed for good: another one goes on. A new one would be refused again.
    if (code !== "recording_full" && segment.seconds > SHORT_SECONDS) return this.update();
    this.#shut = this.archive?.id ?? null;
    this.update();
    this.#complain(`Your part of the recording is no longer taken. ${message}`.trim());
  }

  #repeatDecision() {
    if (this.archive?.consent === "required" && this.decision) this.#line?.decide(this.archive, this.decision);
  }

  #flush() {
    for (const segment of this.#segments.values()) segment.flush();
  }

  /** @param {string} message */
  #complain(message) {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.emit("trouble", { message });
  }
}

/** Whether nothing is to be told or asked anew. @param {Archive | null} archive @param {Archive | null} before */
export function isSame(archive, before) {
  return archive?.id === before?.id && archive?.version === before?.version && archive?.consent === before?.consent;
}

/** @param {SegmentKind} kind @param {readonly MediaStreamTrack[]} tracks @returns {Segment | null} */
function newSegment(kind, tracks) {
  const options = recorderOptions(kind, tracks);
  try {
    return options && new Segment(kind, tracks, options);
  } catch {
    // Said to be possible, and then not.
    return null;
  }
}
