// @ts-check
import { randomId } from "../../random.js";

/** What a `sig` carries of the exchange. @typedef {{commit?: string, nonce?: string, reveal?: string}} Proof */

const NONCE = /^[0-9a-f]{32}$/;
const DIGITS = 8;

/**
 * The one fingerprint of a description; none if it names several, since only one of them is that of the connection.
 * @param {string | undefined} sdp
 */
function fingerprint(sdp) {
  const lines = (sdp ?? "").matchAll(/^a=fingerprint:\S+ (\S+)/gim);
  const prints = new Set([...lines].map((line) => line[1]?.toUpperCase()));
  return prints.size === 1 ? [...prints][0] : undefined;
}

/** @param {string[]} parts */
async function digest(...parts) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join("\n")));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The digits that both ends of one peer connection can compare (docs/signaling.md, "Encryption code"). Who offers
 * commits to a nonce, who answers tells another, and only then is the first one revealed: whoever stands between has
 * chosen hers before she can know what they come to.
 */
export class EncryptionCode {
  /** `null`: not yet; `false`: it could not be made. @type {string | false | null} */ value = null;
  #nonce = randomId();
  #theirs = "";
  #commitment = "";
  #offers = false;
  /** Both fingerprints as they were when this page bound itself to them. @type {string[] | null} */ #prints = null;

  /** Who offers: what goes with the offer. @param {string | undefined} sdp @returns {Promise<Proof>} */
  async offer(sdp) {
    this.#offers = true;
    const print = fingerprint(sdp);
    return print && crypto.subtle ? { commit: await digest(this.#nonce, print) } : {};
  }

  /** Who answers: what goes with the answer. @param {Proof} proof @param {RTCPeerConnection} connection @returns {Proof} */
  answer({ commit }, connection) {
    this.#prints = this.#printsOf(connection);
    this.#commitment = (this.#prints && commit) || "";
    if (!this.#commitment) this.value = false;
    return this.missing ?? {};
  }

  /** What the other side may not have got; it can be said any number of times. @returns {Proof | null} */
  get missing() {
    if (this.#offers) return this.#theirs ? { reveal: this.#nonce } : null;
    return this.#commitment && !this.#theirs ? { nonce: this.#nonce } : null;
  }

  /** Takes what came, in order; what it returns must be sent. @param {Proof} proof @param {RTCPeerConnection} connection @returns {Promise<Proof | null>} */
  async receive({ nonce, reveal }, connection) {
    if (this.#offers) return this.#takeNonce(nonce ?? "", connection);
    if (reveal && this.#commitment && !this.#theirs) await this.#takeReveal(reveal);
    return null;
  }

  /** Nothing may change afterwards. @param {RTCPeerConnection} connection */
  check(connection) {
    if (!this.#prints || String(this.#printsOf(connection)) === String(this.#prints)) return;
    this.value = false;
    this.#commitment = "";
  }

  /** @param {string} nonce @param {RTCPeerConnection} connection */
  async #takeNonce(nonce, connection) {
    if (this.#theirs) return nonce === this.#theirs ? this.missing : null;
    const prints = this.#printsOf(connection);
    if (!prints || !NONCE.test(nonce)) {
      this.value = false;
      return null;
    }
    this.#prints = prints;
    this.#theirs = nonce;
    this.value = (await digest(...prints, this.#nonce, nonce)).slice(0, DIGITS);
    return this.missing;
  }

  /** @param {string} nonce */
  async #takeReveal(nonce) {
    const prints = this.#prints ?? [];
    if (NONCE.test(nonce) && (await digest(nonce, prints[0] ?? "")) === this.#commitment) {
      this.#theirs = nonce;
      this.value = (await digest(...prints, nonce, this.#nonce)).slice(0, DIGITS);
    } else {
      this.value = false;
      this.#commitment = "";
    }
  }

  /** Of who offers, of who answers. @param {RTCPeerConnection} connection */
  #printsOf({ localDescription, remoteDescription }) {
    const [own, theirs] = [fingerprint(localDescription?.sdp), fingerprint(remoteDescription?.sdp)];
    if (!own || !theirs || !crypto.subtle) return null;
    return this.#offers ? [own, theirs] : [theirs, own];
  }
}
