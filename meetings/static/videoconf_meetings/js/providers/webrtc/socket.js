// @ts-check
import { Emitter } from "../../events.js";

const RETRY_SECONDS = [0.5, 1, 2, 4];
const OPEN_TIMEOUT = 8;
/** The server closes a socket that sends more than 300 frames a second; candidates come in bursts. */
const FRAMES_A_SECOND = 80;
/** What a person decided doesn't wait behind what the page says by itself; and nothing may come before `join`. */
const AT_ONCE = new Set(["join", "leave", "remove", "mute", "end", "record"]);

/**
 * Ticks until terminated. A worker's timer goes on in a hidden tab, where a page's may fire once a minute; where static files
 * come from another origin no worker can be had, and the page's own timer has to do.
 * @param {number} milliseconds @param {() => void} tick @returns {{terminate: () => void}}
 */
function startTicker(milliseconds, tick) {
  try {
    const worker = new Worker(new URL("./ticker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", tick);
    worker.postMessage(milliseconds);
    return worker;
  } catch {
    const timer = setInterval(tick, milliseconds);
    return { terminate: () => clearInterval(timer) };
  }
}

/**
 * The socket to the meeting: JSON frames, reopened when it drops, kept alive by `ping`.
 * `pong` says how long an answer took and when, by the server's clock, it was given; both in milliseconds.
 * @extends {Emitter<{open: {}, frame: Record<string, any>, down: {code: number}, pong: {took: number, now: number}}>}
 */
export class SignalingSocket extends Emitter {
  #address;
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {{terminate: () => void} | null} */ #ticker = null;
  #attempt = 0;
  #pings = 0;
  /** When each unanswered one was sent. @type {Map<number, number>} */ #pinged = new Map();
  #lastFrame = 0;
  #silence = 0;
  #stopped = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #giveUp;
  /** @type {string[]} */ #queue = [];
  /** @type {number[]} */ #sent = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #flushing;

  /** @param {string} path */
  constructor(path) {
    super();
    const address = new URL(path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.#address = address.href;
    window.addEventListener("online", () => this.#hurry());
  }

  start() {
    this.#stopped = false;
    this.#attempt = 0;
    this.#open();
  }

  /** Closes for good; what still waits to be sent is dropped. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#dispose(1000);
  }

  /** Frames sent while the socket is down are lost: after a rejoin everything starts from `hello`. @param {Record<string, any>} frame */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(frame);
    if (AT_ONCE.has(frame.t)) return this.#write(text);
    this.#queue.push(text);
    this.#flush();
  }

  /** The server let us in: the next drop starts with the shortest wait again. @param {number} seconds between pings */
  keepAlive(seconds) {
    this.#attempt = 0;
    this.#silence = seconds * 3000;
    this.#ticker?.terminate();
    this.#ticker = startTicker(seconds * 1000, () => this.#beat());
  }

  #beat() {
    if (performance.now() - this.#lastFrame > this.#silence) this.#lost(4000);
    else this.ping();
  }

  ping() {
    this.#pinged.set(++this.#pings, performance.now());
    this.send({ t: "ping", n: this.#pings });
  }

  /** @param {Record<string, any>} frame */
  #answered({ n, now }) {
    const sent = this.#pinged.get(n);
    this.#pinged.delete(n);
    if (sent !== undefined && Number.isFinite(now)) this.emit("pong", { took: performance.now() - sent, now });
  }

  #open() {
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    this.#queue = [];
    this.#pinged.clear();
    this.#giveUp = setTimeout(() => socket === this.#socket && this.#lost(4000), OPEN_TIMEOUT * 1000);
    socket.addEventListener("open", () => {
      if (socket !== this.#socket) return;
      clearTimeout(this.#giveUp);
      this.#lastFrame = performance.now();
      this.emit("open", {});
    });
    socket.addEventListener("message", (event) => {
      if (socket !== this.#socket) return;
      this.#lastFrame = performance.now();
      const frame = JSON.parse(event.data);
      if (frame.t === "pong") this.#answered(frame);
      this.emit("frame", frame);
    });
    socket.addEventListener("close", (event) => socket === this.#socket && this.#lost(event.code));
  }

  /** @param {number} code */
  #lost(code) {
    this.#dispose();
    this.emit("down", { code });
    if (this.#stopped) return;
    const seconds = RETRY_SECONDS[Math.min(this.#attempt++, RETRY_SECONDS.length - 1)];
    this.#retry = setTimeout(() => this.#open(), seconds * 1000);
  }

  #hurry() {
    if (this.#stopped || this.#socket) return;
    clearTimeout(this.#retry);
    this.#open();
  }

  /** @param {number} [code] */
  #dispose(code) {
    clearTimeout(this.#giveUp);
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    this.#ticker?.terminate();
    this.#ticker = null;
    const socket = this.#socket;
    this.#socket = null;
    // One that is still being opened is closed once it is: closing it now would leave a warning on the console.
    if (socket?.readyState === WebSocket.CONNECTING) socket.addEventListener("open", () => socket.close(code));
    else socket?.close(code);
  }

  /** @param {string} text */
  #write(text) {
    this.#socket?.send(text);
    this.#sent.push(performance.now());
  }

  #flush() {
    const now = performance.now();
    this.#sent = this.#sent.filter((time) => now - time < 1000);
    while (this.#queue.length > 0 && this.#sent.length < FRAMES_A_SECOND) {
      if (this.#socket?.readyState !== WebSocket.OPEN) return;
      this.#write(/** @type {string} */ (this.#queue.shift()));
    }
    if (this.#queue.length > 0 && this.#flushing === undefined) {
      this.#flushing = setTimeout(() => {
        this.#flushing = undefined;
        this.#flush();
      }, 100);
    }
  }
}
