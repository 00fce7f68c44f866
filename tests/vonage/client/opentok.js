// A stand-in for Vonage's client script: the part of `OT` that the meeting page uses, with the names, the events and
// the order of the real one (2.35). It speaks to the stand-in that served it and to nobody else: people are there for
// real, with signed callbacks, but media is made where it is shown. No peer connection is ever opened.
(() => {
  "use strict";

  const BASE = new URL(".", document.currentScript.src).href;
  const POLL = 200; // milliseconds
  const LOST_AFTER = 3; // polls in a row that failed

  async function call(name, body) {
    const response = await fetch(BASE + name, {
      method: "POST",
      headers: { "Content-Type": "text/plain" },
      credentials: "omit",
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    const error = new Error(answer.message);
    error.name = response.status === 403 ? "OT_AUTHENTICATION_ERROR" : "OT_UNEXPECTED_SERVER_RESPONSE";
    throw error;
  }

  class Target {
    #listeners = [];

    on(type, listener) {
      this.#listeners.push({ type, listener });
    }

    off() {
      this.#listeners = [];
    }

    dispatch(type, detail = {}) {
      const event = { type, target: this, ...detail };
      for (const { type: wanted, listener } of [...this.#listeners]) if (wanted === type) listener(event);
    }
  }

  /** Somebody's picture and voice as they might be: a coloured, moving card with her name, and silence. */
  class Scene {
    #canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    #stream;
    #timer;
    #frame = 0;

    constructor(stream) {
      this.#stream = stream;
      const audio = new AudioContext();
      this.audio = audio;
      const silence = audio.createMediaStreamDestination();
      this.#draw();
      this.media = new MediaStream([
        ...this.#canvas.captureStream(10).getVideoTracks(),
        ...silence.stream.getAudioTracks(),
      ]);
      this.#timer = setInterval(() => this.#draw(), 100);
    }

    #draw() {
      const { width, height } = this.#canvas;
      const context = this.#canvas.getContext("2d");
      const hue = [...this.#stream.streamId].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 0);
      context.fillStyle = this.#stream.hasVideo ? `hsl(${hue} 40% 35%)` : "black";
      context.fillRect(0, 0, width, height);
      if (!this.#stream.hasVideo) return;
      context.fillStyle = `hsl(${hue} 60% 70%)`;
      context.fillRect((this.#frame++ * 6) % width, height - 12, 40, 6);
      context.font = "24px sans-serif";
      context.textAlign = "center";
      context.fillText(this.#stream.name, width / 2, height / 2, width);
    }

    close() {
      clearInterval(this.#timer);
      for (const track of this.media.getTracks()) track.stop();
      this.audio.close();
    }
  }

  class Subscriber extends Target {
    #scene;

    constructor(stream, done) {
      super();
      this.stream = stream;
      setTimeout(() => {
        if (this.isClosed) return;
        this.#scene = new Scene(stream);
        this.dispatch("mediaStreamAvailable", { mediaStream: this.#scene.media });
        this.dispatch("connected");
        done?.();
      }, 0);
    }

    close() {
      this.isClosed = true;
      this.#scene?.close();
    }
  }

  class Publisher extends Target {
    constructor(properties) {
      super();
      this.properties = properties;
      const { audioSource, videoSource } = properties;
      for (const source of [audioSource, videoSource]) {
        if (source !== null && !(source instanceof MediaStreamTrack)) throw new TypeError("Give tracks or null.");
      }
      this.changedAt = -Infinity;
      this.isHeard = audioSource !== null && properties.publishAudio !== false;
      this.isSeen = videoSource !== null && properties.publishVideo !== false;
    }

    publishAudio(on) {
      this.isHeard = on && this.properties.audioSource !== null;
      this.session?.changed(this);
    }

    publishVideo(on) {
      this.isSeen = on && this.properties.videoSource?.readyState === "live";
      this.session?.changed(this);
    }

    async setAudioSource(track) {
      if (!this.properties.audioSource) throw new Error("There is no audio to replace.");
      this.properties.audioSource = track;
    }

    destroy() {
      this.session?.unpublish(this);
      for (const track of [this.properties.audioSource, this.properties.videoSource]) track?.stop();
    }
  }

  class Session extends Target {
    #key;
    #options;
    #isEncrypted = false;
    #sessionId;
    #secret = null;
    #timer;
    #failures = 0;
    #connections = new Map();
    #streams = new Map();
    #archives = new Map();
    #subscribers = new Set();
    #publishers = new Set();
    #hide = () => {
      if (this.#secret) navigator.sendBeacon(`${BASE}disconnect`, JSON.stringify({ secret: this.#secret }));
    };

    constructor(key, sessionId, options = {}) {
      super();
      this.#options = options;
      this.#key = key;
      this.#sessionId = sessionId;
    }

    async connect(token, done) {
      try {
        const answer = await call("connect", { key: this.#key, session: this.#sessionId, token });
        this.#secret = answer.secret;
        this.#isEncrypted = answer.isEncrypted;
        this.connection = this.#connection(answer.connection);
        addEventListener("pagehide", this.#hide);
        done();
        this.dispatch("sessionConnected");
        this.#poll();
      } catch (error) {
        done(error);
      }
    }

    disconnect() {
      if (!this.#secret) return;
      call("disconnect", { secret: this.#secret }).catch(() => {});
      this.#ended("clientDisconnected");
    }

    async publish(publisher, done) {
      try {
        if (this.#isEncrypted !== Boolean(this.#options.encryptionSecret)) throw new Error("The secret is missing.");
        const { name = "" } = publisher.properties;
        const kind = publisher.properties.videoSource ? "custom" : null;
        const carried = { audio: publisher.isHeard, video: publisher.isSeen };
        const { stream } = await call("publish", { secret: this.#secret, name, kind, ...carried });
        publisher.session = this;
        publisher.streamId = stream.id;
        this.#publishers.add(publisher);
        done();
      } catch (error) {
        done(error);
      }
    }

    unpublish(publisher) {
      if (!this.#publishers.delete(publisher) || !this.#secret) return;
      call("unpublish", { secret: this.#secret, stream: publisher.streamId }).catch(() => {});
    }

    changed(publisher) {
      const { streamId, isHeard, isSeen } = publisher;
      publisher.changedAt = performance.now();
      if (this.#secret) call("change", { secret: this.#secret, stream: streamId, audio: isHeard, video: isSeen });
    }

    subscribe(stream, target, properties, done) {
      if (target !== undefined || properties.insertDefaultUI !== false) throw new TypeError("No user interface here.");
      const subscriber = new Subscriber(stream, done);
      this.#subscribers.add(subscriber);
      return subscriber;
    }

    unsubscribe(subscriber) {
      this.#subscribers.delete(subscriber);
      subscriber.close();
    }

    async #poll() {
      try {
        const now = await call("poll", { secret: this.#secret });
        if (this.#failures >= LOST_AFTER) this.dispatch("sessionReconnected");
        this.#failures = 0;
        if (!this.#secret) return;
        if (now.ended) return this.#ended(now.ended);
        this.#compare(now);
      } catch {
        if (!this.#secret) return;
        if (++this.#failures === LOST_AFTER) this.dispatch("sessionReconnecting");
      }
      this.#timer = setTimeout(() => this.#poll(), POLL);
    }

    #ended(reason) {
      this.#secret = null;
      clearTimeout(this.#timer);
      removeEventListener("pagehide", this.#hide);
      for (const subscriber of this.#subscribers) subscriber.close();
      this.dispatch("sessionDisconnected", { reason });
    }

    #compare({ connections, gone, streams, archives }) {
      for (const one of connections) {
        if (!this.#connections.has(one.id)) this.#arrive(this.#connection(one));
      }
      const here = new Set(streams.map(({ id }) => id));
      for (const said of streams) this.#stream(said);
      for (const [id, stream] of this.#streams) {
        if (here.has(id)) continue;
        this.#streams.delete(id);
        for (const subscriber of this.#subscribers) if (subscriber.stream === stream) this.unsubscribe(subscriber);
        this.dispatch("streamDestroyed", { stream, reason: "clientDisconnected" });
      }
      for (const [id, connection] of this.#connections) {
        if (connections.some((one) => one.id === id)) continue;
        this.#connections.delete(id);
        this.dispatch("connectionDestroyed", { connection, reason: gone[id] ?? "clientDisconnected" });
      }
      this.#compareArchives(archives);
    }

    #compareArchives(archives) {
      for (const archive of archives) {
        if (this.#archives.has(archive.id)) continue;
        this.#archives.set(archive.id, archive);
        this.dispatch("archiveStarted", archive);
      }
      for (const [id, archive] of this.#archives) {
        if (archives.some((one) => one.id === id)) continue;
        this.#archives.delete(id);
        this.dispatch("archiveStopped", archive);
      }
    }

    #arrive(connection) {
      this.#connections.set(connection.connectionId, connection);
      this.dispatch("connectionCreated", { connection });
    }

    #connection({ id, createdAt, data }) {
      return { connectionId: id, creationTime: createdAt, data };
    }

    #stream({ id, connection, name, kind, audio, video, isMuted }) {
      if (connection === this.connection.connectionId) return isMuted && this.#muted(id);
      const known = this.#streams.get(id);
      if (!known) {
        const stream = {
          streamId: id,
          connection: this.#connections.get(connection),
          name,
          videoType: kind ?? undefined,
          hasAudio: audio,
          hasVideo: video,
        };
        this.#streams.set(id, stream);
        return this.dispatch("streamCreated", { stream });
      }
      for (const [property, value] of [
        ["hasAudio", audio],
        ["hasVideo", video],
      ]) {
        if (known[property] === value) continue;
        known[property] = value;
        const change = { stream: known, changedProperty: property, oldValue: !value, newValue: value };
        this.dispatch("streamPropertyChanged", change);
      }
    }

    /** A moderator muted a stream of ours. */
    #muted(streamId) {
      for (const publisher of this.#publishers) {
        const isOwnWord = performance.now() - publisher.changedAt < 2 * POLL; // it may have crossed with this
        if (publisher.streamId !== streamId || !publisher.isHeard || isOwnWord) continue;
        publisher.publishAudio(false);
        publisher.dispatch("muteForced");
      }
    }
  }

  window.OT = {
    checkSystemRequirements: () => (window.RTCPeerConnection ? 1 : 0),
    initSession: (key, sessionId, options) => new Session(key, sessionId, options),
    initPublisher(target, properties, done) {
      if (target !== undefined || properties.insertDefaultUI !== false) throw new TypeError("No user interface here.");
      const publisher = new Publisher(properties);
      setTimeout(() => done?.(), 0);
      return publisher;
    },
  };
})();
