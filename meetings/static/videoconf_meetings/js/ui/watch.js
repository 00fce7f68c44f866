// @ts-check
import { byId, setText } from "./dom.js";

/** @import { Facts, Recording, RecordingFile, State } from "../session/recording_file.js" */

/** @type {Record<Exclude<State, "ready">, [string, string]>} */
const SENTENCES = {
  making: ["This recording is still being made.", "The page goes on by itself when it is there."],
  failed: ["This recording could not be made.", "Ask whoever runs this site: what was recorded may still be there."],
  gone: ["The file of this recording is no longer there.", "It was deleted, or the time for which it is kept is over."],
  unknown: [
    "There is no recording at this address.",
    "Check that the link is complete. The recording may have been deleted.",
  ],
  forbidden: ["You may not see this recording.", "Ask for a new link, or sign in as someone who may."],
  locked: [
    "You need to sign in to see this recording.",
    "Sign in as someone who may see it, or open the whole link that you were sent.",
  ],
  unreachable: ["The recording can't be reached at the moment.", "The page tries again by itself."],
};

/** What is being done, by the phase that the server names. @type {Record<string, string>} */
const PHASES = {
  recording: "The meeting is still being recorded.",
  composing: "Pictures and voices are put together.",
  joining: "Pictures and voices are put together.",
  uploading: "The file is being stored.",
};

/** Shows one recording: a sentence while there is nothing to play. @param {RecordingFile} file */
export function showWatch(file) {
  const video = /** @type {HTMLVideoElement} */ (byId("watch-video"));
  video.addEventListener("error", async () => {
    const { currentTime, paused } = video;
    if (video.getAttribute("src") === null) return;
    if (!(await file.renew())) byId("watch-problem").hidden = false;
    else {
      video.currentTime = currentTime;
      if (!paused) video.play().catch(() => {});
    }
  });
  video.addEventListener("playing", () => {
    file.plays();
    byId("watch-problem").hidden = true;
  });
  const draw = () => {
    const { state, recording } = file;
    byId("watch-page").dataset.state = state;
    byId("sentence").hidden = state === "ready";
    byId("watch").hidden = state !== "ready";
    if (recording) document.title = titleOf(recording);
    if (state === "ready" && recording) drawRecording(recording, video);
    else if (state !== "ready") drawSentence(file, state);
  };
  file.on("change", draw);
}

/** @param {RecordingFile} file @param {Exclude<State, "ready">} state */
function drawSentence({ recording, config }, state) {
  const [title, detail] = SENTENCES[state];
  const { progress, reason } = recording?.metaData ?? {};
  const percent = state === "making" ? progress?.percent : undefined;
  const phase = state === "making" ? (PHASES[progress?.phase ?? ""] ?? "") : "";
  const why = state === "failed" && reason ? reason : "";
  setText(byId("sentence-title"), title);
  setText(byId("sentence-detail"), [why || phase, why ? "" : detail].filter(Boolean).join(" "));
  const bar = byId("progress");
  bar.hidden = percent == null;
  if (percent != null) {
    const rounded = Math.max(0, Math.min(100, Math.round(percent)));
    bar.setAttribute("aria-valuenow", String(rounded));
    bar.style.setProperty("--percent", `${rounded}%`);
  }
  const action = /** @type {HTMLAnchorElement} */ (byId("sentence-action"));
  action.hidden = !config.signIn || !["locked", "forbidden"].includes(state);
  if (config.signIn) action.href = config.signIn;
  setText(action, "Sign in");
}

/** @param {Recording} recording @param {HTMLVideoElement} video */
function drawRecording(recording, video) {
  const facts = recording.metaData;
  const url = facts.url ?? "";
  const isFilm = facts.outputMode !== "individual";
  setText(byId("watch-name"), titleOf(recording));
  const meeting = facts.title && facts.title !== titleOf(recording) ? facts.title : "";
  byId("watch-meeting").hidden = meeting === "";
  setText(byId("watch-meeting"), meeting);
  setText(byId("watch-facts"), factsLine(facts));
  video.hidden = !isFilm;
  video.setAttribute("aria-label", titleOf(recording));
  byId("watch-archive").hidden = isFilm;
  if (isFilm && video.getAttribute("src") !== url) video.src = url;
  /** @type {HTMLAnchorElement} */ (byId("watch-download")).href = url;
  fill("watch-people", facts.people ?? []);
  fill("watch-missing", (facts.missing ?? []).map(missingLine));
}

/** @param {string} id of a section with a list @param {string[]} lines */
function fill(id, lines) {
  byId(id).hidden = lines.length === 0;
  const items = lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  });
  byId(`${id}-list`).replaceChildren(...items);
}

/** @param {Recording} recording */
function titleOf({ name, metaData: { title } }) {
  return name || title || "Recording";
}

/** @param {Facts} facts */
function factsLine({ createdAt, duration, size }) {
  const date = createdAt
    ? new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" }).format(new Date(createdAt))
    : "";
  return [date, duration ? lengthOf(duration) : "", size ? sizeOf(size) : ""].filter(Boolean).join(" · ");
}

/** @param {number} seconds */
export function lengthOf(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  const [unit, divisor] = bytes >= 1e9 ? ["gigabyte", 1e9] : bytes >= 1e6 ? ["megabyte", 1e6] : ["kilobyte", 1e3];
  const number = new Intl.NumberFormat(undefined, { style: "unit", unit, maximumSignificantDigits: 3 });
  return number.format(bytes / divisor);
}

/** @param {{person?: string, kind?: string, from?: number, to?: number, why?: string}} gap */
function missingLine({ person, kind, from, to, why }) {
  const what = kind === "screen" ? `${person ?? "Someone"}, screen` : (person ?? "Someone");
  const when = from != null && to != null ? `${lengthOf(from / 1000)}–${lengthOf(to / 1000)}` : "";
  return [what, when, why].filter(Boolean).join(": ");
}
