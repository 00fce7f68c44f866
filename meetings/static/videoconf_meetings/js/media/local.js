// @ts-check
import { Emitter } from "../events.js";
import { qualityFor } from "./quality.js";

/** @import { MediaState, Quality, Tracks } from "../types.js" */

/**
 * Why a device can't be had. @typedef {"blocked" | "camera-blocked" | "microphone-blocked" | "no-camera"
 *   | "no-microphone" | "busy" | "insecure"} Problem
 */

/** @typedef {{camera: string | null, microphone: string | null}} Choice device ids, `null` for the browser's default */

const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * This person's camera, microphone and screen. A stopped camera is released (its light goes out); a muted microphone
 * stays open, its track disabled, so that the first word after unmuting isn't lost.
 * @extends {Emitter<{change: {}, problem: Problem | null, devices: {}}>}
 */
export class LocalMedia extends Emitter {
  /** @type {Tracks} */ tracks = { microphone: null, camera: null, screen: null };
  /** @type {Problem | null} */ problem = null;
  /** @type {Choice} */ choice = { camera: null, microphone: null };
  #quality = qualityFor(1);
  #muted = false;
  #closed = false;

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () => this.emit("devices", {}));
  }

  /** @returns {MediaState} */
  get state() {
    return {
      mic: this.tracks.microphone !== null && !this.#muted,
      camera: this.tracks.camera !== null,
      screen: this.tracks.screen !== null,
    };
  }

  get canShareScreen() {
    return typeof navigator.mediaDevices?.getDisplayMedia === "function";
  }

  /** @param {"videoinput" | "audioinput"} kind */
  async devices(kind) {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return all.filter((device) => device.kind === kind && device.deviceId !== "");
  }

  /**
   * Opens what is wanted, as far as it can be had; what can't is told by `problem`.
   * @param {{camera: boolean, microphone: boolean}} wanted
   */
  async open({ camera, microphone }) {
    this.#closed = false;
    this.#muted = !microphone;
    let problem = await this.#acquire({ audio: true, video: camera });
    if (problem && camera) {
      const audio = await this.#acquire({ audio: true, video: false });
      const video = audio ? await this.#acquire({ audio: false, video: true }) : problem;
      problem = combine(audio, video);
    } else if (problem === "blocked" && !camera) problem = "microphone-blocked";
    this.#report(problem);
  }

  /** @param {boolean} on */
  async setMicrophone(on) {
    this.#muted = !on;
    if (on && !this.tracks.microphone) {
      const problem = await this.#acquire({ audio: true, video: false });
      this.#report(problem === "blocked" ? "microphone-blocked" : problem);
    }
    if (this.tracks.microphone) this.tracks.microphone.enabled = on;
    this.emit("change", {});
  }

  /** @param {boolean} on */
  async setCamera(on) {
    if (!on) this.#drop("camera");
    else if (!this.tracks.camera) {
      const problem = await this.#acquire({ audio: false, video: true });
      this.#report(problem === "blocked" ? "camera-blocked" : problem);
    }
    this.emit("change", {});
  }

  /** Takes other devices for what is open now. @param {Partial<Choice>} choice */
  async choose(choice) {
    this.choice = { ...this.choice, ...choice };
    const video = "camera" in choice && this.tracks.camera !== null;
    const audio = "microphone" in choice && this.tracks.microphone !== null;
    if (video) this.#drop("camera");
    if (audio) this.#drop("microphone");
    if (video || audio) this.#report(await this.#acquire({ audio, video }));
    this.emit("change", {});
  }

  /** Asks what to share. A refusal by the person is no error. */
  async shareScreen() {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
      const [track] = stream.getVideoTracks();
      track.contentHint = "detail";
      this.#keep("screen", track);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") throw error;
    }
    this.emit("change", {});
  }

  stopScreen() {
    this.#drop("screen");
    this.emit("change", {});
  }

  /** @param {Quality} quality */
  async setQuality(quality) {
    if (quality.width === this.#quality.width) return;
    this.#quality = quality;
    await this.tracks.camera?.applyConstraints(this.#video()).catch(() => {});
  }

  /** Releases every device. */
  close() {
    this.#closed = true;
    this.#drop("camera");
    this.#drop("microphone");
    this.#drop("screen");
    this.#report(null);
    this.emit("change", {});
  }

  #video() {
    const { width, height, frameRate } = this.#quality;
    const { camera } = this.choice;
    return {
      width: { ideal: width },
      height: { ideal: height },
      frameRate: { ideal: frameRate },
      ...(camera && { deviceId: { exact: camera } }),
    };
  }

  /**
   * @param {{audio: boolean, video: boolean}} wanted
   * @returns {Promise<Problem | null>}
   */
  async #acquire({ audio, video }) {
    if (!navigator.mediaDevices) return "insecure";
    const { microphone } = this.choice;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: audio && { ...AUDIO, ...(microphone && { deviceId: { exact: microphone } }) },
        video: video && this.#video(),
      });
      for (const track of stream.getTracks()) {
        if (this.#closed) track.stop();
        else this.#keep(track.kind === "audio" ? "microphone" : "camera", track);
      }
      this.emit("devices", {});
      return null;
    } catch (error) {
      // The device of last time is not plugged in today.
      if (nameOf(error) === "OverconstrainedError" && this.#forgetChoice()) return this.#acquire({ audio, video });
      return classify(error, video);
    }
  }

  /** Whether there was something to forget. */
  #forgetChoice() {
    const { camera, microphone } = this.choice;
    this.choice = { camera: null, microphone: null };
    return camera !== null || microphone !== null;
  }

  /** @param {keyof Tracks} kind @param {MediaStreamTrack} track */
  #keep(kind, track) {
    this.tracks[kind]?.stop();
    if (kind === "microphone") track.enabled = !this.#muted;
    this.tracks = { ...this.tracks, [kind]: track };
    track.addEventListener("ended", () => {
      if (this.tracks[kind] !== track) return;
      this.#drop(kind);
      if (kind === "screen") this.emit("change", {});
      else this.#report(kind === "camera" ? "no-camera" : "no-microphone");
    });
  }

  /** @param {keyof Tracks} kind */
  #drop(kind) {
    this.tracks[kind]?.stop();
    this.tracks = { ...this.tracks, [kind]: null };
  }

  /** @param {Problem | null} problem */
  #report(problem) {
    this.problem = problem;
    this.emit("problem", problem);
    this.emit("change", {});
  }
}

/** Not every browser's OverconstrainedError is a DOMException. @param {unknown} error */
function nameOf(error) {
  return /** @type {{name?: string} | null} */ (error)?.name ?? "";
}

/** @param {unknown} error @param {boolean} video @returns {Problem} */
function classify(error, video) {
  const name = nameOf(error);
  if (name === "NotAllowedError" || name === "SecurityError") return "blocked";
  if (name === "NotFoundError" || name === "OverconstrainedError") return video ? "no-camera" : "no-microphone";
  return "busy";
}

/**
 * One sentence's worth out of what each device said when it was asked for alone.
 * @param {Problem | null} audio
 * @param {Problem | null} video
 * @returns {Problem | null}
 */
function combine(audio, video) {
  if (audio === "blocked") return video === null ? "microphone-blocked" : "blocked";
  if (audio === null && video === "blocked") return "camera-blocked";
  return video ?? audio;
}
