// @ts-check
/** @import { MediaState, Tracks } from "../../types.js" */
/** @import { OT, OTSession } from "./types.js" */

/** The name of a stream that is a screen: with a track of the page's own, Vonage calls every picture `custom`. */
export const SCREEN = "videoconf:screen";

/** @typedef {{microphone: MediaStreamTrack | null, video: MediaStreamTrack | null}} Sources */

/** One publisher; it has copies of the page's tracks, since it stops its own when it ends. */
class Outlet {
  /** @type {Sources} */ sources;
  publisher;
  #session;
  /** @type {MediaStreamTrack[]} */ #copies;

  /** @param {OT} vonage @param {OTSession} session @param {Sources} sources @param {Record<string, any>} properties @param {(error: unknown) => void} fail */
  constructor(vonage, session, sources, properties, fail) {
    this.sources = sources;
    this.#session = session;
    const [audioSource, videoSource] = [copy(sources.microphone), copy(sources.video)];
    this.#copies = [audioSource, videoSource].filter((track) => track !== null);
    const options = { insertDefaultUI: false, showControls: false, audioSource, videoSource, ...properties };
    this.publisher = vonage.initPublisher(undefined, options, (error) => error && fail(error));
  }

  /** @returns {Promise<void>} */
  open() {
    return new Promise((resolve, reject) => {
      this.#session.publish(this.publisher, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The camera's light goes out; the voice goes on. */
  stopVideo() {
    this.publisher.publishVideo(false);
    for (const track of this.#copies) if (track.kind === "video") track.stop();
    this.sources = { ...this.sources, video: null };
  }

  /** @param {MediaStreamTrack} microphone */
  async setMicrophone(microphone) {
    const track = /** @type {MediaStreamTrack} */ (copy(microphone));
    await this.publisher.setAudioSource(track);
    for (const old of this.#copies) if (old.kind === "audio") old.stop();
    this.#copies = [...this.#copies.filter(({ kind }) => kind !== "audio"), track];
    this.sources = { ...this.sources, microphone };
  }

  close() {
    this.#session.unpublish(this.publisher);
    this.publisher.destroy();
    for (const track of this.#copies) track.stop();
  }
}

/**
 * What this page sends to a session: one stream of voice and camera, one of the screen. A new camera makes a new
 * stream, which is there before the old one goes: a publisher can't change to another picture of ours.
 */
export class Outgoing {
  #vonage;
  #session;
  #name;
  #report;
  /** @type {Outlet | null} */ #person = null;
  /** @type {Outlet | null} */ #screen = null;
  /** @type {Promise<void>} */ #work = Promise.resolve();
  /** @type {{tracks: Tracks, media: MediaState} | null} */ #wanted = null;
  #closed = false;

  /** @param {OT} vonage @param {OTSession} session @param {string} name @param {{muted: () => void, failed: (error: unknown) => void}} report */
  constructor(vonage, session, name, report) {
    this.#vonage = vonage;
    this.#session = session;
    this.#name = name;
    this.#report = report;
  }

  /** Sends these from now on; of several wishes in a row the last is carried out. @param {Tracks} tracks @param {MediaState} media */
  update(tracks, media) {
    this.#wanted = { tracks, media };
    this.#work = this.#work.then(() => this.#settle()).catch((error) => this.#report.failed(error));
    return this.#work;
  }

  close() {
    this.#closed = true;
    this.#person?.close();
    this.#screen?.close();
    this.#person = this.#screen = null;
  }

  async #settle() {
    const wanted = this.#wanted;
    this.#wanted = null;
    if (!wanted || this.#closed) return;
    const { tracks, media } = wanted;
    await this.#settlePerson({ microphone: tracks.microphone, video: tracks.camera }, media.mic);
    await this.#settleScreen(tracks.screen);
  }

  /** @param {Sources} sources @param {boolean} isHeard */
  async #settlePerson(sources, isHeard) {
    const { microphone, video } = sources;
    const known = this.#person?.sources;
    const isNew = (video && known?.video !== video) || (microphone && !known?.microphone);
    if (!microphone && !video) {
      this.#person?.close();
      this.#person = null;
    } else if (isNew) {
      const properties = { name: this.#name, publishAudio: isHeard, publishVideo: video !== null };
      this.#person = await this.#replace(this.#person, sources, properties);
    } else if (this.#person) {
      if (!video && known?.video) this.#person.stopVideo();
      if (microphone && known?.microphone !== microphone) await this.#person.setMicrophone(microphone);
      this.#person?.publisher.publishAudio(isHeard);
    }
  }

  /** @param {MediaStreamTrack | null} video */
  async #settleScreen(video) {
    if (video && this.#screen?.sources.video === video) return;
    if (!video) {
      this.#screen?.close();
      this.#screen = null;
    } else {
      const properties = { name: SCREEN, videoContentHint: "detail", publishAudio: false };
      this.#screen = await this.#replace(this.#screen, { microphone: null, video }, properties);
    }
  }

  /** @param {Outlet | null} old @param {Sources} sources @param {Record<string, any>} properties */
  async #replace(old, sources, properties) {
    const outlet = new Outlet(this.#vonage, this.#session, sources, properties, this.#report.failed);
    outlet.publisher.on("muteForced", () => this.#report.muted());
    try {
      await outlet.open();
    } catch (error) {
      outlet.close();
      throw error;
    }
    old?.close();
    if (!this.#closed) return outlet;
    outlet.close();
    return null;
  }
}

/** @param {MediaStreamTrack | null} track */
function copy(track) {
  if (!track) return null;
  const made = track.clone();
  made.enabled = true;
  return made;
}
