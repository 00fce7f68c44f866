// @ts-check
import { Emitter } from "../events.js";
import { LocalMedia } from "../media/local.js";
import { qualityFor } from "../media/quality.js";
import { Refused } from "../providers/provider.js";
import { isSame, OwnRecording } from "../recording/own.js";
import { Admission, claims, stateFor } from "./admission.js";
import { Door } from "./door.js";
import { Lookout } from "./lookout.js";
import { Roster } from "./roster.js";
import { Speakers } from "./speakers.js";
import { browserId, keepResumeKey, prefer, preferences, resumeKey } from "./storage.js";

/**
 * @import { Archive, Config, Role, State } from "../types.js"
 * @import { Admitted, Provider } from "../providers/provider.js"
 */

/** How long a page that was put out goes on sending before it says why; leaving it is the person's to decide. */
const SAVED_WITHIN = 15_000;
const SAVED_AFTER_LEAVING_WITHIN = 60_000;

/** @typedef {(url: string) => Promise<{createProvider: (client: Record<string, any>, door: Door) => Provider}>} Load */

/**
 * One person's way through a meeting, without a word about how it looks.
 * @extends {Emitter<{
 *   state: {state: State, previous: State}, muted: {by: string}, recording: {active: boolean}, role: {role: Role | null},
 *   trouble: {message: string},
 * }>}
 */
export class Meeting extends Emitter {
  local = new LocalMedia();
  roster = new Roster();
  speakers = new Speakers(this.roster);
  /** This page's part in a recording. */
  ownRecording;
  /** @type {State} */ state = "prejoin";
  /** @type {Provider | null} */ provider = null;
  /** @type {Admitted | null} */ self = null;
  /** When the meeting opens, if it has not yet. @type {string | null} */ opensAt;
  /** The last refusal, for people who want to know more. @type {Refused | null} */ refusal = null;
  recording;
  /** The recording that runs, where pages are told more than that. @type {Archive | null} */ archive;
  config;
  #admission;
  #load;
  /** @type {{id: string, key: string} | null} */ #resume;
  /** @type {Promise<void>} */ #opening = Promise.resolve();
  #lookout = new Lookout((seen) => this.#see(seen));
  /** Ends the waiting for what is still being sent. */
  #leaveAnyway = new AbortController();

  /** @param {Config} config @param {string} fragment @param {Load} load */
  constructor(config, fragment, load) {
    super();
    this.config = config;
    this.opensAt = config.opensAt;
    this.recording = config.recording;
    this.archive = config.archive ?? null;
    this.ownRecording = new OwnRecording(config.meetingLink, this.local);
    this.ownRecording.on("trouble", ({ message }) => this.emit("trouble", { message }));
    this.#load = load;
    this.#admission = new Admission(config, fragment);
    this.#resume = resumeKey(config.meetingLink);
    this.local.choice = preferences().devices;
    this.local.on("change", () => this.#publish());
    for (const type of /** @type {const} */ (["added", "removed"])) this.roster.on(type, () => this.#adapt());
  }

  /** Decides what the page begins with. */
  start() {
    const { state } = this.config;
    if (state === "ended") this.#go("ended");
    else if (!this.#admission.isInvited) this.#go("invitation");
    else if (state === "scheduled" && !this.#hasOpened) this.#go("scheduled");
    else this.prepare();
  }

  /** Before joining: opens the devices that the person had on last time. */
  prepare() {
    this.#go("prejoin");
    if (this.isListener) return;
    const { camera, microphone } = preferences();
    this.#opening = this.local.open({ camera, microphone });
  }

  /** Asks for the devices again, both of them. */
  async retryDevices() {
    this.#opening = this.local.open({ camera: true, microphone: true });
    await this.#opening;
  }

  /** Nothing is asked of a person who only listens. */
  get isListener() {
    return this.role === "subscriber";
  }

  /** @returns {Role | null} */
  get role() {
    return this.self?.role ?? this.#admission.role;
  }

  get fixedName() {
    return this.#admission.name;
  }

  get isModerator() {
    return this.role === "moderator";
  }

  get canRecord() {
    return this.config.canRecord && this.isModerator && Boolean(this.provider?.supportsRecording);
  }

  get #hasOpened() {
    return this.opensAt !== null && Date.parse(this.opensAt) <= Date.now();
  }

  /** @param {string} typed the name in the box */
  async join(typed) {
    if (this.state !== "prejoin") return;
    const name = this.fixedName ?? (typed.trim() || "Guest");
    if (!this.fixedName) prefer({ name: typed.trim() });
    this.#go("joining");
    try {
      await this.#opening;
      const [token, { createProvider }] = await Promise.all([
        this.#admission.token({ browserId: browserId(), name }),
        this.#load(this.config.module),
      ]);
      if (claims(token).role === "subscriber") this.local.close();
      const provider = createProvider(this.config.client, new Door(this.config));
      this.#listen(provider);
      this.self = await provider.connect({
        token,
        name,
        tracks: this.local.tracks,
        media: this.local.state,
        role: this.role,
        resume: this.#resume,
      });
      this.#enter(provider);
    } catch (error) {
      this.#end(error instanceof Refused ? error : new Refused({ code: "failed", message: String(error) }));
    }
  }

  /** @param {boolean} on */
  async setMicrophone(on) {
    prefer({ microphone: on });
    await this.local.setMicrophone(on);
  }

  /** @param {boolean} on */
  async setCamera(on) {
    prefer({ camera: on });
    await this.local.setCamera(on);
  }

  /** @param {Partial<import("../media/local.js").Choice>} choice */
  async choose(choice) {
    await this.local.choose(choice);
    prefer({ devices: this.local.choice });
  }

  /** After a failure: from the beginning, on a fresh page if this one is too old to be let in. */
  tryAgain() {
    if (this.refusal?.code === "ticket_invalid") location.reload();
    else this.prepare();
  }

  /** After leaving: in again, under the same name and with the same devices. */
  async joinAgain() {
    this.prepare();
    await this.join(preferences().name);
  }

  /** No later page of this tab takes this connection over. */
  forget() {
    keepResumeKey(this.config.meetingLink, null);
  }

  async leave() {
    this.forget();
    const { provider } = this;
    await this.ownRecording.ticketed();
    provider?.leave();
  }

  /** What is not sent yet stays on this device. */
  leaveAnyway() {
    this.#leaveAnyway.abort();
  }

  /** @param {Provider} provider */
  #enter(provider) {
    const self = /** @type {Admitted} */ (this.self);
    this.provider = provider;
    this.#resume = null;
    // A provider that records by itself may have told of it meanwhile.
    this.recording = self.recording || (this.recording && provider.recordingLine === null);
    this.archive = self.archive ?? null;
    keepResumeKey(this.config.meetingLink, provider.resume);
    this.emit("role", { role: self.role });
    this.roster.arrive({ ...self, media: this.local.state, local: true });
    this.ownRecording.attach(self.role === "subscriber" ? null : provider.recordingLine);
    this.#go("in");
    this.#publish();
    this.#adapt();
    this.ownRecording.follow(this.archive);
  }

  /** @param {{recording: boolean, archive: Archive | null}} seen */
  #see({ recording, archive }) {
    if (this.state === "prejoin") this.#follow(recording, archive);
  }

  /** @param {boolean} active @param {Archive | null} [archive] */
  #follow(active, archive = null) {
    const isNews = active !== this.recording || !isSame(archive, this.archive);
    this.recording = active;
    this.archive = archive;
    if (this.provider) this.ownRecording.follow(archive);
    if (isNews) this.emit("recording", { active });
  }

  /** @param {Provider} provider */
  #listen(provider) {
    const { roster } = this;
    provider.on("joined", (arrival) => roster.arrive(arrival));
    provider.on("left", ({ id, reason, replacedBy }) => roster.leave(id, reason, replacedBy));
    provider.on("media", ({ id, media }) => roster.change(id, { media }));
    provider.on("link", ({ id, link }) => roster.change(id, { link }));
    provider.on("code", ({ id, code }) => this.self?.encrypted !== false && roster.change(id, { code }));
    provider.on("stream", ({ id, kind, stream }) => roster.show(id, kind, stream));
    provider.on("muted", ({ by }) => {
      if (!this.local.state.mic) return;
      this.local.setMicrophone(false);
      this.emit("muted", { by });
    });
    provider.on("recording", ({ active, archive }) => this.#follow(active, archive));
    provider.on("trouble", ({ message }) => this.emit("trouble", { message }));
    provider.on("connection", ({ connected }) => this.#go(connected ? "in" : "reconnecting"));
    provider.on("admitted", ({ previous, ...self }) => {
      this.self = self;
      this.#follow(self.recording, self.archive);
      roster.rename(previous, self.id);
      keepResumeKey(this.config.meetingLink, provider.resume);
    });
    provider.on("closed", ({ code, message, opensAt }) => this.#end(new Refused({ code, message, opensAt })));
  }

  #publish() {
    if (!this.provider || !this.self) return;
    const { tracks, state } = this.local;
    const { camera, microphone, screen } = tracks;
    const parts = [microphone, camera].filter((track) => track !== null);
    this.roster.show(this.self.id, "camera", parts.length > 0 ? new MediaStream(parts) : null);
    this.roster.show(this.self.id, "screen", screen && new MediaStream([screen]));
    this.roster.change(this.self.id, { media: state });
    this.provider.publish(tracks, state);
  }

  #adapt() {
    if (!this.provider) return;
    const quality = qualityFor(this.roster.size);
    this.local.setQuality(quality);
    this.provider.setQuality(quality);
  }

  /** @param {Refused} refusal */
  async #end(refusal) {
    const saved = this.ownRecording.finish();
    this.refusal = refusal;
    this.opensAt = refusal.opensAt ?? this.opensAt;
    this.provider = null;
    this.self = null;
    if (!["unreachable", "unavailable"].includes(refusal.code)) keepResumeKey(this.config.meetingLink, null);
    this.local.close();
    this.roster.clear();
    if (saved) await this.#save(saved, refusal.code === "left" ? SAVED_AFTER_LEAVING_WITHIN : SAVED_WITHIN);
    this.#go(stateFor(refusal.code));
  }

  /** @param {Promise<void>} saved @param {number} milliseconds */
  async #save(saved, milliseconds) {
    this.#leaveAnyway = new AbortController();
    const { signal } = this.#leaveAnyway;
    this.#go("saving");
    const left = new Promise((resolve) => signal.addEventListener("abort", resolve));
    await Promise.race([saved, left, new Promise((resolve) => setTimeout(resolve, milliseconds))]);
  }

  /** @param {State} state */
  #go(state) {
    const previous = this.state;
    this.state = state;
    if (state === "prejoin" && this.config.canRecord) this.#lookout.start();
    else this.#lookout.stop();
    this.emit("state", { state, previous });
  }
}
