// @ts-check
// Vonage's cloud: its own client script carries the media, our server says who may be there.
import { nameOf } from "./opentok/names.js";
import { Outgoing, SCREEN } from "./opentok/outgoing.js";
import { loadScript } from "./opentok/script.js";
import { Provider, Refused } from "./provider.js";

/**
 * @import { Link, MediaState, Tracks } from "../types.js"
 * @import { Door } from "../session/door.js"
 * @import { Admitted, ConnectOptions } from "./provider.js"
 * @import { OT, OTConnection, OTSession, OTStream, OTSubscriber } from "./opentok/types.js"
 */

/**
 * @typedef {{script: string, integrity: string, apiKey: string | null, applicationId: string | null, sessionId: string,
 *   needsSecret: boolean}} Client
 */

/** @typedef {"camera" | "screen"} Picture */

/** @typedef {{stream: OTStream, subscriber: OTSubscriber | null}} Incoming */

/** @typedef {{connection: OTConnection, camera: Incoming | null, screen: Incoming | null}} Other */

const CONNECT_SECONDS = 30;
const SUBSCRIBE_AGAIN_SECONDS = 2;
const SUBSCRIBE_TRIES = 3;

/** What an error of Vonage's `connect` means here. @type {Record<string, string>} */
const CODES = {
  OT_AUTHENTICATION_ERROR: "token_invalid",
  OT_CONNECTION_LIMIT_EXCEEDED: "meeting_full",
};

/** Why someone is out for good, by the server's code. @type {Record<string, string>} */
const FINAL = { meeting_ended: "ended", meeting_unknown: "ended", token_revoked: "removed" };

/** @type {Record<string, string>} */
const LEFT = { forceDisconnected: "removed", networkDisconnected: "lost" };

/** @param {Client} client @param {Door} door */
export function createProvider(client, door) {
  return new OpenTokProvider(client, door);
}

export class OpenTokProvider extends Provider {
  /** @override */
  supportsRecording = true;
  #client;
  #door;
  #token = "";
  #connectionId = "";
  /** @type {OTSession | null} */ #session = null;
  /** @type {Outgoing | null} */ #outgoing = null;
  /** The other connections, by id. @type {Map<string, Other>} */ #others = new Map();
  /** What is told once the page is in; it has to know itself first. @type {(() => void)[] | null} */ #waiting = [];
  #over = false;

  /** @param {Client} client @param {Door} door */
  constructor(client, door) {
    super();
    this.#client = client;
    this.#door = door;
  }

  /** @override @param {ConnectOptions} options @returns {Promise<Admitted>} */
  async connect({ token, name }) {
    this.#token = token;
    const secret = this.#secret();
    const loading = loadScript(this.#client.script, this.#client.integrity);
    loading.catch(() => {}); // what the server says comes first
    const welcome = await this.#door.enter(token);
    const vonage = await loading;
    const own = await this.#connect(vonage, token, secret);
    const shown = welcome.name || name;
    if (welcome.role !== "subscriber") this.#outgoing = this.#open(vonage, shown);
    setTimeout(() => this.#tellWaiting(), 0);
    const { role, title, encrypted, recording } = welcome;
    const attendee = own.data || own.connectionId;
    return { id: own.connectionId, attendee, name: shown, role, title: title || null, encrypted, recording };
  }

  /** @override @param {Tracks} tracks @param {MediaState} media */
  async publish(tracks, media) {
    await this.#outgoing?.update(tracks, media);
  }

  /** @override */
  leave() {
    this.#close(new Refused({ code: "left", message: "You left the meeting." }));
  }

  /** @override @param {string} id */
  remove(id) {
    this.#act("remove", id);
  }

  /** @override @param {string} id */
  mute(id) {
    if (id === "*") this.#act("mute_all", this.#connectionId);
    else this.#act("mute", id);
  }

  /** @override */
  end() {
    this.#act("end");
  }

  /** @override @param {boolean} active */
  record(active) {
    this.#act(active ? "record" : "stop");
  }

  /** @param {string} action @param {string} [connection] */
  async #act(action, connection) {
    try {
      await this.#door.act(this.#token, action, connection);
    } catch (error) {
      if (!this.#over) this.emit("trouble", { message: /** @type {Error} */ (error).message });
    }
  }

  /** The key of an encrypted meeting is behind the `#` of the invitation, where no server sees it. */
  #secret() {
    if (!this.#client.needsSecret) return null;
    const secret = new URLSearchParams(location.hash.slice(1)).get("secret");
    if (secret) return secret;
    throw new Refused({ code: "secret_missing", message: "The link has no key for this encrypted meeting." });
  }

  /** @param {OT} vonage @param {string} token @param {string | null} secret @returns {Promise<OTConnection>} */
  #connect(vonage, token, secret) {
    const { apiKey, applicationId, sessionId } = this.#client;
    const options = { sessionMigration: true, ...(secret && { encryptionSecret: secret }) };
    const session = vonage.initSession(applicationId ?? apiKey ?? "", sessionId, options);
    this.#session = session;
    this.#listen(session);
    return new Promise((resolve, reject) => {
      const fail = (/** @type {string} */ code, /** @type {string} */ message) => {
        clearTimeout(timer);
        this.#over = true;
        session.disconnect();
        reject(new Refused({ code, message }));
      };
      const timer = setTimeout(() => fail("unreachable", "Vonage did not answer."), CONNECT_SECONDS * 1000);
      session.connect(token, (error) => {
        if (this.#over) return;
        if (error || !session.connection) {
          return fail(CODES[error?.name ?? ""] ?? "unreachable", error?.message ?? "There is no connection.");
        }
        clearTimeout(timer);
        this.#connectionId = session.connection.connectionId;
        resolve(session.connection);
      });
    });
  }

  /** @param {OT} vonage @param {string} name */
  #open(vonage, name) {
    return new Outgoing(vonage, /** @type {OTSession} */ (this.#session), name, {
      muted: () => this.emit("muted", { by: "" }),
      failed: (error) => {
        if (this.#over) return;
        console.warn("Voice or picture can't be sent.", error);
        this.emit("trouble", { message: "The others can't see or hear you at the moment." });
      },
    });
  }

  /** @param {OTSession} session */
  #listen(session) {
    /** @type {Record<string, (event: any) => void>} */
    const handlers = {
      connectionCreated: ({ connection }) => this.#arrive(connection),
      connectionDestroyed: ({ connection, reason }) => this.#depart(connection, reason),
      streamCreated: ({ stream }) => this.#receive(stream),
      streamDestroyed: ({ stream }) => this.#lose(stream),
      streamPropertyChanged: ({ stream }) => this.#tellMedia(stream.connection.connectionId),
      sessionReconnecting: () => this.emit("connection", { connected: false }),
      sessionReconnected: () => this.emit("connection", { connected: true }),
      archiveStarted: () => this.emit("recording", { active: true }),
      archiveStopped: () => this.emit("recording", { active: false }),
      sessionDisconnected: ({ reason }) => this.#putOut(reason),
    };
    for (const [type, handle] of Object.entries(handlers)) session.on(type, (event) => this.#tell(() => handle(event)));
  }

  /** Now, or as soon as the page is in. @param {() => void} what */
  #tell(what) {
    if (this.#over) return;
    if (this.#waiting) this.#waiting.push(what);
    else what();
  }

  #tellWaiting() {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const what of waiting) this.#tell(what);
  }

  /** @param {OTConnection} connection @returns {Other | null} `null` for this page itself */
  #arrive(connection) {
    const id = connection.connectionId;
    if (id === this.#connectionId) return null;
    const known = this.#others.get(id);
    if (known) return known;
    const other = { connection, camera: null, screen: null };
    this.#others.set(id, other);
    this.#tellWho(other, "");
    this.emit("link", { id, link: "none" });
    return other;
  }

  /** Someone whose token gives no name is called what she calls her stream. @param {Other} other @param {string} streamName */
  #tellWho({ connection, camera, screen }, streamName) {
    const { connectionId: id, data } = connection;
    const name = nameOf(data).trim() || streamName.trim() || "Guest";
    // What others may do is not told to a page.
    this.emit("joined", { id, attendee: data || id, name, role: "publisher", media: mediaOf(camera, screen) });
  }

  /** @param {OTConnection} connection @param {string} reason */
  #depart({ connectionId: id }, reason) {
    if (this.#others.delete(id)) this.emit("left", { id, reason: LEFT[reason] ?? "left" });
  }

  /** @param {OTStream} stream */
  #receive(stream) {
    const other = this.#arrive(stream.connection);
    if (!other) return;
    const kind = pictureOf(stream);
    const before = other[kind];
    /** @type {Incoming} */
    const incoming = { stream, subscriber: null };
    other[kind] = incoming;
    if (before?.subscriber) this.#session?.unsubscribe(before.subscriber);
    if (kind === "camera") this.#tellWho(other, stream.name);
    this.#tellMedia(stream.connection.connectionId);
    this.#subscribe(incoming, kind, SUBSCRIBE_TRIES);
  }

  /** @param {Incoming} incoming @param {Picture} kind @param {number} tries */
  #subscribe(incoming, kind, tries) {
    const { stream } = incoming;
    const id = stream.connection.connectionId;
    const isCurrent = () => !this.#over && this.#others.get(id)?.[kind] === incoming;
    const tellLink = (/** @type {Link} */ link) => {
      if (isCurrent() && kind === "camera") this.emit("link", { id, link });
    };
    if (!isCurrent()) return;
    tellLink("connecting");
    // The page's own tile plays the sound.
    const properties = { insertDefaultUI: false, showControls: false, audioVolume: 0 };
    const subscriber = this.#session?.subscribe(stream, undefined, properties, (error) => {
      if (!error) return tellLink("connected");
      if (tries > 1) setTimeout(() => this.#subscribe(incoming, kind, tries - 1), SUBSCRIBE_AGAIN_SECONDS * 1000);
      else console.warn("A stream can't be received.", error);
    });
    if (!subscriber) return;
    incoming.subscriber = subscriber;
    subscriber.on("mediaStreamAvailable", ({ mediaStream }) => {
      if (isCurrent()) this.emit("stream", { id, kind, stream: mediaStream });
    });
    subscriber.on("connected", () => tellLink("connected"));
    subscriber.on("encryptionSecretMismatch", () => {
      if (isCurrent())
        this.emit("trouble", { message: "Someone's invitation has another key: you can't see each other." });
    });
    subscriber.on("disconnected", () => tellLink("reconnecting"));
  }

  /** @param {OTStream} stream */
  #lose(stream) {
    const id = stream.connection.connectionId;
    const other = this.#others.get(id);
    const kind = pictureOf(stream);
    if (other?.[kind]?.stream.streamId !== stream.streamId) return;
    other[kind] = null;
    this.emit("stream", { id, kind, stream: null });
    if (kind === "camera") this.emit("link", { id, link: "none" });
    this.#tellMedia(id);
  }

  /** @param {string} id */
  #tellMedia(id) {
    const other = this.#others.get(id);
    if (other) this.emit("media", { id, media: mediaOf(other.camera, other.screen) });
  }

  /** Vonage says that we are out, not why: a moderator and the end of the meeting look alike. @param {string} reason */
  async #putOut(reason) {
    const refusal = await this.#door.refusal(this.#token);
    const known = refusal ? FINAL[refusal.code] : undefined;
    const code = known ?? (reason === "forceDisconnected" ? "removed" : "unreachable");
    this.#close(new Refused({ code, message: refusal?.message ?? "Vonage ended the connection." }));
  }

  /** @param {Refused} reason */
  #close(reason) {
    if (this.#over) return;
    this.#over = true;
    this.#outgoing?.close();
    this.#session?.disconnect();
    this.emit("closed", { code: reason.code, message: reason.message });
  }
}

/** @param {OTStream} stream @returns {Picture} */
function pictureOf({ name, videoType }) {
  return videoType === "screen" || name === SCREEN ? "screen" : "camera";
}

/** @param {Incoming | null} camera @param {Incoming | null} screen @returns {MediaState} */
function mediaOf(camera, screen) {
  return {
    mic: Boolean(camera?.stream.hasAudio),
    camera: Boolean(camera?.stream.hasVideo),
    screen: screen !== null,
  };
}
