// @ts-check
import { Refused } from "../providers/provider.js";

const ASKS = 4;
const ASK_AGAIN_SECONDS = 1.5;
const LONGEST_WAIT_SECONDS = 30;

/** @import { Role } from "../types.js" */

/** What the server says of someone who may come in. @typedef {{name: string, role: Role, title: string, encrypted: boolean, recording: boolean}} Welcome */

/**
 * The server, as a provider asks it whose own way in doesn't: before going in, when put out, and for what moderators
 * do. It goes by the join token, which travels in the body alone.
 */
export class Door {
  #stateUrl;
  #actUrl;

  /** @param {{stateUrl: string, actUrl: string}} config */
  constructor({ stateUrl, actUrl }) {
    this.#stateUrl = stateUrl;
    this.#actUrl = actUrl;
  }

  /** Asks for a place. @param {string} token @returns {Promise<Welcome>} @throws {Refused} */
  async enter(token) {
    const { refusal, ...welcome } = await this.#ask(this.#stateUrl, { token, purpose: "enter" });
    if (refusal) throw new Refused(refusal);
    return welcome;
  }

  /**
   * Why the person may not be in the meeting (any more); `null` if nothing is known against it.
   * @param {string} token
   * @returns {Promise<Refused | null>}
   */
  async refusal(token, tries = ASKS) {
    try {
      const { refusal } = await this.#ask(this.#stateUrl, { token });
      return refusal && new Refused(refusal);
    } catch (error) {
      const refused = /** @type {Refused} */ (error);
      if (!["unreachable", "unavailable"].includes(refused.code) || tries <= 1) return refused;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_SECONDS * 1000));
      return this.refusal(token, tries - 1);
    }
  }

  /**
   * Moderators: `end`, `record`, `stop`; `remove` and `mute` a connection; `mute_all` but one.
   * @param {string} token @param {string} action @param {string} [connection]
   * @throws {Refused}
   */
  async act(token, action, connection = "") {
    await this.#ask(this.#actUrl, { token, action, connection });
  }

  /** @param {string} url @param {Record<string, string>} body @returns {Promise<any>} */
  async #ask(url, body) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      credentials: "omit",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(LONGEST_WAIT_SECONDS * 1000),
    }).catch(() => null);
    if (response?.status === 204) return null;
    const answer = await response?.json().catch(() => null);
    if (response?.ok && answer) return answer;
    if (!response) throw new Refused({ code: "unreachable", message: "The server can't be reached." });
    const { code, message, opensAt } = answer?.error ?? {};
    throw new Refused({
      code: code ?? (response.status >= 500 ? "unavailable" : "failed"),
      message: message ?? "The server did not answer as it should.",
      opensAt,
    });
  }
}
