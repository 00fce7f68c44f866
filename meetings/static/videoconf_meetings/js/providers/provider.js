// @ts-check
import { Emitter } from "../events.js";

/**
 * @import { RecordingLine } from "../recording/line.js"
 * @import { Archive, Kind, Link, MediaState, Quality, Role, Tracks } from "../types.js"
 */

/** @typedef {{id: string, attendee: string, name: string, role: Role, media: MediaState, replaces?: string}} Arrival */

/**
 * Who this page is in the meeting, known once it is let in.
 * @typedef {{id: string, attendee: string, name: string, role: Role, encrypted: boolean, recording: boolean,
 *   archive?: Archive | null, title: string | null}} Admitted
 */

/**
 * `joined` someone is here (again) · `left` gone · `media` what someone sends changed · `stream` a picture or a voice
 * to show · `link` how the way to someone does · `code` the pair's encryption code, `null` while there
 * is none yet, `false` if it could not be made · `connection` this page's own way to
 * the meeting · `admitted` let in again under a new connection · `muted` a moderator asks for silence · `recording`
 * · `trouble` what was asked for could not be done · `closed` it is over for this page; `code` is a code of `Refused` or `removed`, `ended`, `replaced`.
 * @typedef {{
 *   joined: Arrival,
 *   left: {id: string, reason: string, replacedBy?: string},
 *   media: {id: string, media: MediaState},
 *   stream: {id: string, kind: "camera" | "screen", stream: MediaStream | null},
 *   link: {id: string, link: Link},
 *   code: {id: string, code: string | false | null},
 *   connection: {connected: boolean},
 *   admitted: Admitted & {previous: string},
 *   muted: {by: string},
 *   recording: {active: boolean, archive?: Archive | null},
 *   trouble: {message: string},
 *   closed: {code: string, message: string, opensAt?: string | null},
 * }} ProviderEvents
 */

/**
 * @typedef {{token: string, name: string, tracks: Tracks, media: MediaState, role: Role | null,
 *   resume: {id: string, key: string} | null}} ConnectOptions
 */

/** The meeting did not let this page in; `code` says why. */
export class Refused extends Error {
  /** @param {{code: string, message: string, opensAt?: string | null}} refusal */
  constructor({ code, message, opensAt = null }) {
    super(message);
    this.name = "Refused";
    this.code = code;
    this.opensAt = opensAt;
  }
}

/**
 * What the page needs of a media provider. A provider's module exports `createProvider(config.client, door)`, which
 * returns one of these; `door` is our server, for a provider whose own way in does not pass it.
 * @extends {Emitter<ProviderEvents>}
 */
export class Provider extends Emitter {
  /** What a later page load needs to take this connection over, if the provider can do that. @type {{id: string, key: string} | null} */
  resume = null;

  /**
   * Enters the meeting; a reload hands in the `resume` of the page before it.
   * @param {ConnectOptions} _options
   * @returns {Promise<Admitted>}
   * @throws {Refused}
   */
  connect(_options) {
    throw new Error("connect is not implemented");
  }

  /**
   * Sends these tracks to everyone from now on and tells what they are.
   * @param {Tracks} _tracks
   * @param {MediaState} _media
   * @returns {Promise<void>}
   */
  publish(_tracks, _media) {
    throw new Error("publish is not implemented");
  }

  /** @param {Quality} _quality */
  setQuality(_quality) {}

  /** Leaves at once; safe to call twice. */
  leave() {}

  /** Moderators: puts the attendee behind a connection out. @param {string} _id */
  remove(_id) {}

  /** Moderators: asks one page, or with `*` every other one, to mute its microphone. @param {string} _id */
  mute(_id) {}

  /** Moderators: ends the meeting for everyone. */
  end() {}

  /** Moderators, where `supportsRecording`: starts or stops the recording. @param {boolean} _active */
  record(_active) {}

  /** Whether `record` does something. */
  supportsRecording = false;

  /** Where pages themselves record what they send: what they need for it. @type {RecordingLine | null} */
  recordingLine = null;
}

/** @type {readonly Kind[]} */
export const KINDS = ["microphone", "camera", "screen"];
