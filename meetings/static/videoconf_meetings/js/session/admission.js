// @ts-check
import { nameOf } from "../providers/opentok/names.js";
import { Refused } from "../providers/provider.js";

/** @import { Config, Role } from "../types.js" */

/** Codes of the token operation and of the socket, and the page's word for what they mean. @type {Record<string, string>} */
const CODES = {
  attendee_removed: "removed",
  token_revoked: "removed",
  meeting_ended: "ended",
  meeting_not_started: "scheduled",
  meeting_full: "full",
  meeting_unknown: "unknown",
  meeting_not_found: "unknown",
  token_invalid: "invitation",
  token_expired: "invitation",
  forbidden: "invitation",
  secret_missing: "invitation",
  removed: "removed",
  ended: "ended",
  replaced: "replaced",
  left: "left",
  unavailable: "unavailable",
  unsupported: "unsupported",
};

/** @param {string} code */
export function stateFor(code) {
  return /** @type {import("../types.js").State} */ (CODES[code] ?? "failed");
}

/**
 * How this person gets in: by the token of the link's fragment, else by what the server offers.
 */
export class Admission {
  #config;
  /** @type {string | null} */ #token;
  /** @type {Record<string, any>} */ #claims;

  /** @param {Config} config @param {string} fragment the address's, with its `#` */
  constructor(config, fragment) {
    this.#config = config;
    this.#token = new URLSearchParams(fragment.slice(1)).get("token");
    this.#claims = this.#token ? claims(this.#token) : {};
  }

  get isInvited() {
    return this.#token !== null || this.#config.admission === "user" || this.#config.admission === "guest";
  }

  /** The name that can't be changed, if there is one. @returns {string | null} */
  get name() {
    if (this.#token) return text(this.#claims.data) ?? text(nameOf(String(this.#claims.connection_data ?? "")));
    return this.#config.admission === "user" ? text(this.#config.name) : null;
  }

  /** @returns {Role | null} */
  get role() {
    return this.#token ? (this.#claims.role ?? null) : (this.#config.role ?? null);
  }

  /**
   * @param {{browserId: string, name: string}} who
   * @returns {Promise<string>}
   * @throws {Refused}
   */
  async token({ browserId, name }) {
    if (this.#token) return this.#token;
    const response = await fetch(this.#config.tokenUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      credentials: "omit",
      body: JSON.stringify({ ticket: this.#config.ticket, browserId, name }),
    }).catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (response?.ok && answer) return answer.token;
    const trouble = response && response.status >= 500 ? "unavailable" : undefined;
    throw new Refused({
      code: trouble ?? answer?.error?.code ?? "unreachable",
      message: answer?.error?.message ?? "The meeting can't be reached.",
      opensAt: answer?.error?.opensAt ?? null,
    });
  }
}

/** What a JWT says, unverified: for showing only. @param {string} token @returns {Record<string, any>} */
export function claims(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}
