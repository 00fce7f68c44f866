// @ts-check
import { randomId } from "../random.js";

/** @import { Archive } from "../types.js" */

// What the browser remembers for this page. Storage may be forbidden: then nothing is remembered, and nothing fails.

/** @param {() => Storage} storage @param {string} key @returns {any} */
function read(storage, key) {
  try {
    return JSON.parse(storage().getItem(`videoconf.${key}`) ?? "null");
  } catch {
    return null;
  }
}

/** @param {() => Storage} storage @param {string} key @param {unknown} value `null` forgets */
function write(storage, key, value) {
  try {
    if (value === null) storage().removeItem(`videoconf.${key}`);
    else storage().setItem(`videoconf.${key}`, JSON.stringify(value));
  } catch {
    // Private windows and full disks.
  }
}

const lasting = () => localStorage;
const ofTab = () => sessionStorage;

/** A random name of this browser, so that a guest who comes back is the same attendee. @returns {string} */
export function browserId() {
  const known = read(lasting, "browser");
  if (typeof known === "string") return known;
  const id = randomId();
  write(lasting, "browser", id);
  return id;
}

/**
 * @typedef {{name: string, microphone: boolean, camera: boolean, devices: {camera: string | null, microphone: string | null}}} Preferences
 */

/** @returns {Preferences} */
export function preferences() {
  return {
    name: "",
    microphone: true,
    camera: true,
    devices: { camera: null, microphone: null },
    ...read(lasting, "preferences"),
  };
}

/** @param {Partial<Preferences>} changes */
export function prefer(changes) {
  write(lasting, "preferences", { ...preferences(), ...changes });
}

/**
 * What the person said about being in a recording; it holds over a reload, for that recording and those words.
 * @param {Archive} archive
 * @returns {"agreed" | "declined" | null}
 */
export function decisionOn({ id, version }) {
  const said = read(ofTab, `recording.${id}.${version}`);
  return said === "agreed" || said === "declined" ? said : null;
}

/** @param {Archive} archive @param {"agreed" | "declined"} decision */
export function keepDecision({ id, version }, decision) {
  write(ofTab, `recording.${id}.${version}`, decision);
}

/**
 * The key to take over the connection that this page had before its reload. A tab that was duplicated or came by a
 * link has the storage of its origin, but must not take its connection.
 * @param {string} meetingLink
 * @returns {{id: string, key: string} | null}
 */
export function resumeKey(meetingLink) {
  const [entry] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  return entry?.type === "reload" ? read(ofTab, `resume.${meetingLink}`) : null;
}

/** @param {string} meetingLink @param {{id: string, key: string} | null} resume */
export function keepResumeKey(meetingLink, resume) {
  write(ofTab, `resume.${meetingLink}`, resume);
}
