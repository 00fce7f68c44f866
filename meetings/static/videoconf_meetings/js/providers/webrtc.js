// @ts-check
// The embedded provider: full mesh, found over the socket that docs/signaling.md describes.
import { RecordingLine } from "../recording/line.js";
import { Provider, Refused } from "./provider.js";
import { ServerClock } from "./webrtc/clock.js";
import { Peer } from "./webrtc/peer.js";
import { SignalingSocket } from "./webrtc/socket.js";

/**
 * @import { Archive, MediaState, Quality, Role, Tracks } from "../types.js"
 * @import { Admitted, Arrival, ConnectOptions } from "./provider.js"
 */

const ROLL_CALL_SECONDS = 5;
const FIRST_CONNECT_SECONDS = 12;
const FINAL = new Set(["removed", "ended", "replaced", "refused"]);

/** @param {{socket: string}} client */
export function createProvider(client) {
  return new WebRTCProvider(client);
}

export class WebRTCProvider extends Provider {
  /** @override */
  supportsRecording = true;
  /** The way to each other page, by connection id. @type {Map<string, Peer>} */
  peers = new Map();
  /** @type {Admitted | null} */ #self = null;
  /** @type {ConnectOptions | null} */ #options = null;
  /** @type {Tracks} */ #tracks = { microphone: null, camera: null, screen: null };
  /** @type {MediaState} */ #media = { mic: false, camera: false, screen: false };
  /** @type {Quality | null} */ #quality = null;
  /** @type {RTCConfiguration} */ #configuration = {};
  /** Everyone here, with or without a peer connection. @type {Map<string, {attendee: string, role: Role, seen: boolean}>} */ #present =
    new Map();
  /** Those whom a roll call dropped: they may still hold their end. @type {Set<string>} */ #dropped = new Set();
  #socket;
  #over = false;
  #hasAskedToRecord = false;
  /** @type {Promise<unknown>} */ #work = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #rollCall;
  /** @type {((result: Admitted | Refused) => void) | null} */ #settle = null;
  /** Why it did not work so far, should it go on like that. */
  #trouble = new Refused({ code: "unreachable", message: "The meeting can't be reached." });

  /** @param {{socket: string}} client */
  constructor({ socket }) {
    super();
    this.#socket = new SignalingSocket(socket);
    this.recordingLine = new RecordingLine((frame) => this.#send(frame), new ServerClock(this.#socket));
    this.#socket.on("open", () => this.#join());
    this.#socket.on("frame", (frame) => this.#receive(frame));
    this.#socket.on("down", () => {
      clearTimeout(this.#rollCall);
      this.recordingLine.lost();
      for (const peer of this.peers.values()) peer.online = false;
      if (this.#self) this.emit("connection", { connected: false });
    });
  }

  /** @override @param {ConnectOptions} options */
  connect(options) {
    this.#options = options;
    this.#tracks = options.tracks;
    this.#media = options.media;
    return /** @type {Promise<Admitted>} */ (
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => this.#close(this.#trouble), FIRST_CONNECT_SECONDS * 1000);
        this.#settle = (result) => {
          clearTimeout(timer);
          this.#settle = null;
          if (result instanceof Refused) reject(result);
          else resolve(result);
        };
        this.#socket.start();
      })
    );
  }

  /** @override @param {Tracks} tracks @param {MediaState} media */
  async publish(tracks, media) {
    this.#tracks = tracks;
    this.#media = media;
    this.#send({ t: "media", ...media });
    await Promise.all([...this.peers.values()].map((peer) => peer.publish(tracks)));
  }

  /** @override @param {Quality} quality */
  setQuality(quality) {
    this.#quality = quality;
    for (const peer of this.peers.values()) peer.setQuality(quality);
  }

  /** @override */
  leave() {
    this.#send({ t: "leave" });
    this.#close(new Refused({ code: "left", message: "You left the meeting." }));
  }

  /** @override @param {string} id */
  remove(id) {
    this.#send({ t: "remove", id });
  }

  /** @override @param {string} id */
  mute(id) {
    this.#send({ t: "mute", id });
  }

  /** @override */
  end() {
    this.#send({ t: "end" });
  }

  /** @override @param {boolean} active */
  record(active) {
    this.#hasAskedToRecord = true;
    this.#send({ t: "record", active });
  }

  /** @param {Record<string, any>} frame */
  #send(frame) {
    this.#socket.send(frame);
  }

  #join() {
    if (!this.#options) return;
    const { token, name, resume } = this.#options;
    const own = this.#self ? this.resume : resume;
    this.#send({
      t: "join",
      token,
      name,
      media: this.#media,
      ...(own && { resume: own }),
      ...(own && !this.#self && { reload: true }),
    });
  }

  /** @param {Record<string, any>} frame */
  #receive(frame) {
    if (this.#over) return;
    if (typeof frame.from === "string" && this.#present.has(frame.from)) this.#seen(frame.from);
    switch (frame.t) {
      case "welcome":
        return this.#welcome(frame);
      case "hello":
        return this.#hello(frame);
      case "here":
        return this.#here(frame);
      case "sig":
        return this.#signal(frame.from, frame.data);
      case "media":
        return this.emit("media", { id: frame.from, media: mediaState(frame) });
      case "bye":
        return this.#bye(frame);
      case "muted":
        return this.emit("muted", { by: frame.by });
      case "recording":
        this.#hasAskedToRecord = false;
        return this.emit("recording", {
          active: Boolean(frame.active),
          archive: archiveOf(frame.active, frame.archive),
        });
      case "ticket":
        return this.recordingLine.receive(frame);
      case "error":
        return this.#complain(frame);
      default:
        if (FINAL.has(frame.t)) this.#finish(frame);
    }
  }

  /** @param {Record<string, any>} frame */
  #welcome(frame) {
    const previous = this.#self;
    const { id, attendee, name, role, encrypted, recording, title } = frame;
    const archive = archiveOf(recording, frame.archive);
    this.#self = { id, attendee, name, role, encrypted, recording, archive, title: title ?? null };
    this.resume = { id, key: frame.resume };
    this.#configuration = { iceServers: frame.iceServers ?? [] };
    this.#socket.keepAlive(frame.heartbeat ?? 4);
    this.#hasAskedToRecord = false;
    this.recordingLine.opened();
    if (!previous) return this.#settle?.(this.#self);
    const resumed = frame.resumed && previous.id === id;
    for (const peer of this.peers.values()) {
      if (resumed) peer.configure(this.#configuration);
      else peer.close();
    }
    if (!resumed) this.peers.clear();
    for (const other of this.#present.values()) other.seen = false;
    this.#rollCall = setTimeout(() => this.#callRoll(), ROLL_CALL_SECONDS * 1000);
    this.emit("admitted", { ...this.#self, previous: previous.id });
    this.emit("connection", { connected: true });
    this.#send({ t: "media", ...this.#media });
    for (const peer of this.peers.values()) {
      peer.online = true;
      this.#enqueue(() => peer.revive());
    }
  }

  /** @param {Record<string, any>} frame */
  #hello(frame) {
    this.#arrive(frame);
    this.#send({ t: "here", to: frame.from, media: this.#media });
    if (this.#dropped.delete(frame.from)) this.#offer(frame.from);
  }

  /** @param {Record<string, any>} frame */
  #here(frame) {
    this.#dropped.delete(frame.from);
    this.#arrive(frame);
    if (!this.peers.has(frame.from)) this.#offer(frame.from);
  }

  /** @param {Record<string, any>} frame */
  #arrive({ from, attendee, name, role, media, replaces: handedOver }) {
    const replaces = handedOver ?? this.#lost(from, attendee);
    this.#present.set(from, { attendee, role, seen: true });
    if (replaces) this.#forget(replaces);
    /** @type {Arrival} */
    const arrival = { id: from, attendee, name, role, media: mediaState(media), ...(replaces && { replaces }) };
    this.emit("joined", arrival);
    if (!this.#meets(from)) this.emit("link", { id: from, link: "none" });
  }

  /** After a rejoin, someone new may be someone who has not answered: the server forgot her as it forgot us. @param {string} id @param {string} attendee */
  #lost(id, attendee) {
    if (this.#present.has(id)) return undefined;
    return [...this.#present].find(([, someone]) => !someone.seen && someone.attendee === attendee)?.[0];
  }

  /** @param {Record<string, any>} frame */
  #bye({ from, reason, replacedBy }) {
    this.#forget(from);
    this.emit("left", { id: from, reason, ...(replacedBy && { replacedBy }) });
  }

  /** Two subscribers have nothing to send each other. @param {string} id */
  #meets(id) {
    return this.#sends || this.#present.get(id)?.role !== "subscriber";
  }

  get #sends() {
    return this.#self?.role !== "subscriber";
  }

  /** @param {string} id */
  #offer(id) {
    if (!this.#meets(id)) return;
    const peer = this.#peer(id);
    this.#enqueue(async () => this.peers.get(id) === peer && peer.offer());
  }

  /** @param {string} from @param {any} data */
  #signal(from, data) {
    this.#enqueue(async () => this.#present.has(from) && this.#meets(from) && this.#peer(from).receive(data));
  }

  /** Descriptions and candidates are handled strictly one after another. @param {() => Promise<unknown>} step */
  #enqueue(step) {
    this.#work = this.#work
      .then(step)
      .catch((error) => console.warn("A peer connection could not be negotiated.", error));
  }

  /** @param {string} id */
  #peer(id) {
    const known = this.peers.get(id);
    if (known) return known;
    const peer = new Peer({
      polite: (this.#self?.id ?? "") < id,
      sends: this.#sends,
      configuration: this.#configuration,
      tracks: this.#tracks,
      quality: this.#quality,
    });
    this.peers.set(id, peer);
    peer.on("signal", (data) => this.peers.get(id) === peer && this.#send({ t: "sig", to: id, data }));
    peer.on("stream", ({ kind, stream }) => {
      // What a subscriber sends is not taken, whatever its page and the server between us let through.
      if (this.#present.get(id)?.role !== "subscriber") this.emit("stream", { id, kind, stream });
    });
    peer.on("link", (link) => this.emit("link", { id, link }));
    peer.on("code", (code) => this.emit("code", { id, code }));
    return peer;
  }

  /** @param {string} id */
  #seen(id) {
    const other = this.#present.get(id);
    if (other) other.seen = true;
  }

  #callRoll() {
    for (const [id, { seen }] of [...this.#present]) {
      if (seen) continue;
      this.#dropped.add(id);
      this.#forget(id);
      this.emit("left", { id, reason: "lost" });
    }
  }

  /** @param {string} id */
  #forget(id) {
    this.#present.delete(id);
    const peer = this.peers.get(id);
    this.peers.delete(id);
    peer?.close();
  }

  /** @param {Record<string, any>} frame */
  #finish({ t, code, message, opensAt }) {
    if (t === "refused" && code === "unavailable") {
      // The socket closes and is opened again, as when it drops.
      this.#trouble = new Refused({ code, message });
      return;
    }
    if (t === "refused" && code === "token_revoked") code = "removed";
    this.#close(new Refused({ code: t === "refused" ? code : t, message: message ?? "", opensAt }));
  }

  /** What a moderator asked for is told to her; the rest is for developers. @param {Record<string, any>} frame */
  #complain({ message }) {
    if (this.#hasAskedToRecord) this.emit("trouble", { message: message || "The recording can't be changed." });
    this.#hasAskedToRecord = false;
  }

  /** @param {Refused} reason */
  #close(reason) {
    if (this.#over) return;
    this.#over = true;
    this.recordingLine.lost();
    clearTimeout(this.#rollCall);
    this.#socket.stop();
    for (const id of [...this.peers.keys()]) this.#forget(id);
    if (this.#settle) this.#settle(reason);
    else this.emit("closed", { code: reason.code, message: reason.message, opensAt: reason.opensAt });
  }
}

/** @param {unknown} active @param {Partial<Archive> | null | undefined} archive @returns {Archive | null} */
function archiveOf(active, archive) {
  // Of one that is only starting the server has not said yet how people are asked.
  if (!active || !archive?.id) return null;
  const { id, consent, notice = "", version = "" } = archive;
  return { id, notice, version, consent: consent === "required" ? "required" : "told" };
}

/** @param {Partial<MediaState> | undefined} media @returns {MediaState} */
function mediaState(media) {
  return { mic: Boolean(media?.mic), camera: Boolean(media?.camera), screen: Boolean(media?.screen) };
}
