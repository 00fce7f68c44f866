// @ts-check

/**
 * What came of a request. `again` can be tried later, after so many seconds if the server says so; `ticket` a new one is
 * needed; `skip` this chunk will never be taken; `doubtful` it seems so, or something between us and the server says so; `over` nothing more of the track will.
 * @typedef {{kind: "done", ticket?: string, expiresIn?: number} | {kind: "again", after: number | null} | {kind: "ticket"} | {kind: "skip" | "doubtful"}
 *   | {kind: "over", code: string, message: string}} Outcome
 */

const LONGEST_REQUEST = 30_000;
const LONGEST_PAUSE = 120;
/** The server's words for a track that is over; others may answer 404 as well. */
const OVER = /^track_not_found$|_full$|_over$|^forbidden$/;
/** What a browser sends on after the page has gone, in all. */
const KEEPALIVE_BYTES = 60 * 1024;

/**
 * @param {{address: string | null, ticket: string | null, offset: number | null}} track
 * @param {{sequence: number, bytes: ArrayBuffer, at?: number | null}} chunk
 */
export function sendChunk({ address, ticket, offset }, { sequence, bytes, at = null }) {
  const mayOutlive = document.visibilityState === "hidden" && bytes.byteLength <= KEEPALIVE_BYTES;
  return ask(`${address}/chunks/${sequence}`, ticket, {
    method: "PUT",
    headers: {
      "Content-Type": "video/webm",
      ...(at !== null && offset !== null && { "X-Recorded-At": String(Math.round(at + offset)) }),
    },
    body: bytes,
    keepalive: mayOutlive,
  });
}

/** @param {{address: string | null, ticket: string | null}} track @param {number} count */
export function closeTrack({ address, ticket }, count) {
  return ask(`${address}/close`, ticket, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ count }),
    keepalive: document.visibilityState === "hidden",
  });
}

/**
 * @param {string} url
 * @param {string | null} ticket
 * @param {RequestInit} request
 * @returns {Promise<Outcome>}
 */
async function ask(url, ticket, request) {
  const response = await fetch(url, {
    ...request,
    headers: { ...request.headers, Accept: "application/json", Authorization: `Bearer ${ticket}` },
    credentials: "omit",
    signal: AbortSignal.timeout(LONGEST_REQUEST),
  }).catch(() => null);
  if (!response) return { kind: "again", after: null };
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return { kind: "done", ticket: answer?.ticket, expiresIn: answer?.expiresIn };
  return refusal(response, answer?.error ?? {});
}

/** @param {Response} response @param {{code?: string, message?: string}} error @returns {Outcome} */
function refusal({ status, headers }, { code = "", message = "" }) {
  if (status === 401) return { kind: "ticket" };
  if (status === 429 || status === 408 || status >= 500) return { kind: "again", after: pause(headers) };
  if (OVER.test(code)) return { kind: "over", code, message };
  if (status === 409 || status === 413) return { kind: "skip" };
  return { kind: "doubtful" };
}

/** @param {Headers} headers @returns {number | null} seconds */
function pause(headers) {
  const value = headers.get("Retry-After");
  if (!value) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(LONGEST_PAUSE, Math.max(0, seconds)) : null;
}
