// @ts-check
import { Emitter } from "../../events.js";
import { randomId } from "../../random.js";
import { KINDS } from "../provider.js";
import { EncryptionCode } from "./code.js";

/** @import { Link, Quality, Tracks } from "../../types.js" */

/** @import { Proof } from "./code.js" */

/** @typedef {{description?: RTCSessionDescriptionInit, candidate?: RTCIceCandidateInit | null, pair?: string, restart?: boolean} & Proof} Sig */

/** What a connection begins with it must keep. @type {RTCConfiguration} */
const FIXED = { bundlePolicy: "max-bundle" };
/** Waits for the answers to one offer after the other. */
const ANSWER_SECONDS = [8, 16, 32, 60];
const CONNECT_SECONDS = 15;
const DISCONNECTED_SECONDS = 4;
const RESTARTS = 2;
/** How long the last word for the code may take before the page says that there is none. */
const CODE_SECONDS = 8;
const SCREEN_BITRATE = 2_500_000;

/**
 * This page's end of the way to one other page: perfect negotiation over three fixed media sections (microphone,
 * camera, screen, in this order). Turning something on or off only replaces a track, so an offer is made to begin
 * and to restart ICE, and never else. `pair` names the attempt: what belongs to an earlier one is ignored.
 * @extends {Emitter<{signal: Sig, stream: {kind: "camera" | "screen", stream: MediaStream}, link: Link,
 *   code: string | false | null}>}
 */
export class Peer extends Emitter {
  /** @type {RTCPeerConnection | null} */ connection = null;
  /** Whether an offer can be sent now; `revive` makes up for it. */
  online = true;
  #polite;
  #sends;
  #configuration;
  /** @type {Tracks} */ #tracks;
  /** @type {Quality | null} */ #quality;
  #pair = "";
  #making = false;
  #restarts = 0;
  #unanswered = 0;
  #code = new EncryptionCode();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #codeTimer;
  /** @type {{camera: MediaStream, screen: MediaStream}} */ #received = {
    camera: new MediaStream(),
    screen: new MediaStream(),
  };
  /** Streams only to tell the other side what belongs together. */
  #sent = { camera: new MediaStream(), screen: new MediaStream() };
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /**
   * @param {{polite: boolean, sends: boolean, configuration: RTCConfiguration, tracks: Tracks, quality: Quality | null}} options
   */
  constructor({ polite, sends, configuration, tracks, quality }) {
    super();
    this.#polite = polite;
    this.#sends = sends;
    this.#configuration = { ...configuration, ...FIXED };
    this.#tracks = tracks;
    this.#quality = quality;
  }

  /** Begins anew: whatever connection there was is dropped on both sides. */
  async offer() {
    const connection = this.#open(randomId());
    for (const kind of KINDS) {
      const streams = this.#sends ? [this.#sent[kind === "screen" ? "screen" : "camera"]] : [];
      connection.addTransceiver(this.#tracks[kind] ?? (kind === "microphone" ? "audio" : "video"), {
        direction: this.#sends ? "sendrecv" : "recvonly",
        streams,
      });
    }
    await this.#makeOffer(connection);
  }

  /** Handles one `sig`; the caller awaits it before it hands in the next. @param {Sig} sig */
  async receive({ description, candidate, pair = this.#pair, restart = false, ...proof }) {
    if (description?.type === "offer") await this.#receiveOffer(description, pair, restart, proof);
    else if (!this.connection || pair !== this.#pair) return;
    else if (description) await this.#receiveAnswer(description, proof);
    else if (candidate !== undefined) await this.#receiveCandidate(candidate);
    else await this.#receiveProof(this.connection, proof);
  }

  /** @param {RTCConfiguration} configuration */
  configure(configuration) {
    this.#configuration = { ...configuration, ...FIXED };
    this.connection?.setConfiguration(this.#configuration);
  }

  /** @param {Tracks} tracks */
  async publish(tracks) {
    this.#tracks = tracks;
    if (!this.#sends || !this.connection) return;
    await Promise.all(
      this.connection.getTransceivers().map(async ({ sender }, index) => {
        const track = tracks[KINDS[index]] ?? null;
        if (sender.track !== track) await sender.replaceTrack(track);
      }),
    );
    await this.#limit();
  }

  /** @param {Quality} quality */
  async setQuality(quality) {
    this.#quality = quality;
    await this.#limit();
  }

  /** Signalling is back: mend what failed meanwhile. */
  async revive() {
    this.#unanswered = 0;
    if (!this.connection) return;
    if (this.connection.signalingState !== "stable") await this.offer();
    else {
      this.#sendProof(this.#code.missing);
      if (this.connection.connectionState !== "connected") await this.#restart();
    }
  }

  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#codeTimer);
    const connection = this.connection;
    this.connection = null;
    this.#pair = "";
    connection?.close();
  }

  /** @param {string} pair */
  #open(pair) {
    this.close();
    const connection = new RTCPeerConnection(this.#configuration);
    this.connection = connection;
    this.#pair = pair;
    this.#code = new EncryptionCode();
    this.#received = { camera: new MediaStream(), screen: new MediaStream() };
    connection.addEventListener("icecandidate", ({ candidate }) => {
      if (connection !== this.connection) return;
      this.emit("signal", { candidate: candidate?.toJSON() ?? null, pair });
    });
    connection.addEventListener("track", ({ track, transceiver }) => {
      const kind = KINDS[connection.getTransceivers().indexOf(transceiver)];
      if (connection !== this.connection || !kind) return;
      const name = kind === "screen" ? "screen" : "camera";
      this.#received[name].addTrack(track);
      this.emit("stream", { kind: name, stream: this.#received[name] });
    });
    connection.addEventListener("connectionstatechange", () => {
      if (connection === this.connection) this.#follow(connection);
    });
    this.emit("link", "connecting");
    this.emit("code", null);
    return connection;
  }

  /** @param {RTCPeerConnection} connection */
  async #makeOffer(connection, restart = false) {
    this.#making = true;
    try {
      const offer = await connection.createOffer({ iceRestart: restart });
      // Candidates come as soon as the offer is set; they must not overtake it.
      const proof = restart ? {} : await this.#code.offer(offer.sdp);
      if (connection !== this.connection) return;
      await connection.setLocalDescription(offer);
      if (connection !== this.connection) return;
      this.#signalDescription(connection, { ...proof, ...(restart && { restart }) });
    } finally {
      this.#making = false;
    }
    const seconds = ANSWER_SECONDS[Math.min(this.#unanswered++, ANSWER_SECONDS.length - 1)];
    this.#later(seconds, () => this.online && connection.signalingState !== "stable" && this.offer());
  }

  /**
   * @param {RTCSessionDescriptionInit} description
   * @param {string} pair
   * @param {boolean} restart
   * @param {Proof} proof
   */
  async #receiveOffer(description, pair, restart, proof) {
    const fresh = pair !== this.#pair || !this.connection;
    // Their connection outlived ours and can't go on alone.
    if (fresh && restart) return this.offer();
    const open = this.connection;
    if (open && (this.#making || open.signalingState !== "stable") && !this.#polite) return;
    const connection = !open || fresh ? this.#open(pair) : open;
    await connection.setRemoteDescription(description);
    if (connection !== this.connection) return;
    if (fresh && this.#sends) await this.#attach(connection);
    if (connection !== this.connection) return;
    await connection.setLocalDescription();
    if (connection !== this.connection) return;
    this.#signalDescription(connection, fresh ? this.#answerProof(connection, proof) : {});
    await this.#settled(connection);
  }

  /** @param {RTCSessionDescriptionInit} description @param {Proof} proof */
  async #receiveAnswer(description, proof) {
    const connection = this.connection;
    if (connection?.signalingState !== "have-local-offer") return;
    await connection.setRemoteDescription(description);
    await this.#settled(connection);
    if (this.#code.value === null) await this.#receiveProof(connection, proof);
  }

  /** @param {RTCPeerConnection} connection @param {Proof} proof */
  #answerProof(connection, proof) {
    const code = this.#code;
    this.#codeTimer = setTimeout(() => {
      code.value ??= false;
      this.emit("code", code.value);
      this.#sendProof(code.missing);
    }, CODE_SECONDS * 1000);
    return code.answer(proof, connection);
  }

  /** @param {RTCPeerConnection} connection @param {Proof} proof */
  async #receiveProof(connection, proof) {
    const code = this.#code;
    const reply = await code.receive(proof, connection);
    if (code !== this.#code) return;
    this.#sendProof(reply);
    this.emit("code", code.value);
  }

  /** @param {Proof | null} proof */
  #sendProof(proof) {
    if (proof) this.emit("signal", { ...proof, pair: this.#pair });
  }

  /** @param {RTCIceCandidateInit | null} candidate */
  async #receiveCandidate(candidate) {
    // A candidate of an ignored or overtaken offer names an unknown ICE generation; nothing is lost with it.
    await this.connection?.addIceCandidate(candidate ?? undefined).catch(() => {});
  }

  /** @param {RTCPeerConnection} connection */
  async #attach(connection) {
    await Promise.all(
      connection.getTransceivers().map(async (transceiver, index) => {
        const kind = KINDS[index];
        if (!kind) return;
        transceiver.direction = "sendrecv";
        transceiver.sender.setStreams?.(this.#sent[kind === "screen" ? "screen" : "camera"]);
        await transceiver.sender.replaceTrack(this.#tracks[kind]);
      }),
    );
  }

  /** @param {RTCPeerConnection} connection */
  async #settled(connection) {
    this.#unanswered = 0;
    this.#later(CONNECT_SECONDS, () => this.#restart());
    this.#code.check(connection);
    this.emit("code", this.#code.value);
    await this.#limit();
  }

  /** @param {RTCPeerConnection} connection @param {Sig} more */
  #signalDescription(connection, more) {
    const description = connection.localDescription?.toJSON();
    this.emit("signal", { description, pair: this.#pair, ...more });
  }

  /** @param {RTCPeerConnection} connection */
  #follow(connection) {
    switch (connection.connectionState) {
      case "connected":
        this.#restarts = 0;
        clearTimeout(this.#timer);
        this.emit("link", "connected");
        break;
      case "disconnected":
        this.emit("link", "reconnecting");
        this.#later(DISCONNECTED_SECONDS, () => this.#restart());
        break;
      case "failed":
        this.emit("link", "reconnecting");
        this.#restart();
        break;
    }
  }

  async #restart() {
    const connection = this.connection;
    if (!connection || !this.online || connection.connectionState === "connected") return;
    const isHopeless = connection.connectionState === "failed" && this.#restarts++ >= RESTARTS;
    if (isHopeless || connection.signalingState === "have-local-offer") {
      this.#restarts = 0;
      await this.offer();
    } else if (connection.signalingState === "stable") {
      await this.#makeOffer(connection, true);
    }
  }

  async #limit() {
    const transceivers = this.connection?.getTransceivers() ?? [];
    await Promise.all(
      transceivers.map(async ({ sender }, index) => {
        const maxBitrate = KINDS[index] === "camera" ? this.#quality?.maxBitrate : SCREEN_BITRATE;
        if (KINDS[index] === "microphone" || !sender.track || !maxBitrate) return;
        const parameters = sender.getParameters();
        const [encoding] = parameters.encodings;
        if (!encoding || encoding.maxBitrate === maxBitrate) return;
        encoding.maxBitrate = maxBitrate;
        // A renegotiation meanwhile makes the parameters stale; the next one sets them.
        await sender.setParameters(parameters).catch(() => {});
      }),
    );
  }

  /** @param {number} seconds @param {() => unknown} action */
  #later(seconds, action) {
    clearTimeout(this.#timer);
    const connection = this.connection;
    this.#timer = setTimeout(() => connection === this.connection && action(), seconds * 1000);
  }
}
