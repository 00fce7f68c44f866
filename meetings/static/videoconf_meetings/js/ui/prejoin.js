// @ts-check
import { LevelMeter, wakeAudio } from "../media/levels.js";
import { byId, setText } from "./dom.js";
import { setIcon } from "./icons.js";
import { wordsOf } from "./recording.js";
import { preferences } from "../session/storage.js";

/** @import { Meeting } from "../session/meeting.js" */
/** @import { Problem } from "../media/local.js" */

/** @type {Record<Problem, [string, string]>} */
const PROBLEMS = {
  blocked: [
    "Camera and microphone are blocked.",
    "Allow them beside the address in your browser, then try again. Or join to watch and listen.",
  ],
  "camera-blocked": [
    "Camera is blocked.",
    "Allow it beside the address in your browser, then try again. Or let the others only hear you.",
  ],
  "microphone-blocked": [
    "Microphone is blocked.",
    "Allow it beside the address in your browser, then try again. Or let the others only see you.",
  ],
  "no-camera": ["No camera found.", "Plug one in and try again, or join without."],
  "no-microphone": ["No microphone found.", "Plug one in and try again, or join without."],
  busy: [
    "Your camera or microphone can't be used.",
    "Another program may be using it. Close that and try again, or join without.",
  ],
  insecure: [
    "Camera and microphone are blocked.",
    "Browsers allow them only at secure (https) addresses. You can still watch and listen.",
  ],
};

/** @param {Problem} problem */
export function problemSentence(problem) {
  return PROBLEMS[problem][0];
}

/** The page before the meeting: name, picture, devices. @param {Meeting} meeting */
export function showPrejoin(meeting) {
  const { local } = meeting;
  const name = /** @type {HTMLInputElement} */ (byId("your-name"));
  const join = /** @type {HTMLButtonElement} */ (byId("join"));
  const tryDevices = byId("try-devices");
  const microphone = byId("prejoin-microphone");
  const camera = byId("prejoin-camera");
  const meter = showMeter(meeting);

  name.value = meeting.fixedName ?? preferences().name;
  name.readOnly = meeting.fixedName !== null;

  byId("join-form").addEventListener("submit", (event) => {
    event.preventDefault();
    wakeAudio();
    meeting.join(name.value);
  });
  tryDevices.addEventListener("click", () => meeting.retryDevices());
  microphone.addEventListener("click", () => meeting.setMicrophone(!local.state.mic));
  camera.addEventListener("click", () => meeting.setCamera(!local.state.camera));

  const draw = () => {
    const { problem, state } = local;
    const joining = meeting.state === "joining";
    join.textContent = joining ? "Joining…" : problem ? "Join without" : "Join";
    join.setAttribute("aria-disabled", String(joining));
    byId("problem").hidden = problem === null;
    tryDevices.hidden = problem === null || problem === "insecure" || joining;
    if (problem) {
      setText(byId("problem-title"), PROBLEMS[problem][0]);
      setText(byId("problem-detail"), PROBLEMS[problem][1]);
    }
    label(microphone, state.mic ? "Mute microphone" : "Unmute microphone", state.mic ? "microphone" : "microphone-off");
    label(camera, state.camera ? "Stop camera" : "Start camera", state.camera ? "camera" : "camera-off");
    byId("prejoin-media").hidden = meeting.isListener;
    byId("listener-hint").hidden = !meeting.isListener;
    byId("prejoin").classList.toggle("prejoin--listener", meeting.isListener);
    const isRecorded = meeting.recording && ["prejoin", "joining"].includes(meeting.state);
    byId("prejoin-recording").hidden = !isRecorded;
    setText(byId("prejoin-recording-text"), isRecorded ? wordsOf(meeting.archive) : "");
    byId("prejoin-recording-asked").hidden = meeting.archive?.consent !== "required";
    setText(byId("prejoin-eyebrow"), joining ? "One moment…" : "Ready to join?");
    drawPreview(["prejoin", "joining"].includes(meeting.state) ? local.tracks.camera : null);
    meter(meeting.state === "prejoin" && state.mic ? local.tracks.microphone : null);
  };
  local.on("change", draw);
  meeting.on("state", draw);
  meeting.on("recording", draw);
}

/** @param {HTMLElement} button @param {string} name @param {string} icon */
function label(button, name, icon) {
  button.setAttribute("aria-label", name);
  button.title = name;
  button.classList.toggle("round--off", icon.endsWith("-off"));
  setIcon(button, icon);
}

/** The picture exists only while there is one: inside the meeting the page has one video a person. @param {MediaStreamTrack | null} track */
function drawPreview(track) {
  const preview = byId("preview");
  const video = preview.querySelector("video");
  byId("preview-off").hidden = track !== null;
  if (/** @type {MediaStream | undefined} */ (video?.srcObject)?.getVideoTracks()[0] === track && track) return;
  video?.remove();
  if (!track) return;
  const fresh = document.createElement("video");
  fresh.muted = true;
  fresh.autoplay = true;
  fresh.playsInline = true;
  fresh.setAttribute("aria-label", "Your camera");
  fresh.srcObject = new MediaStream([track]);
  preview.prepend(fresh);
}

/** @param {Meeting} meeting @returns {(track: MediaStreamTrack | null) => void} */
function showMeter(meeting) {
  const bars = [...byId("prejoin-meter").children];
  /** @type {LevelMeter | null} */
  let meter = null;
  // A context made before the first gesture is silent; the first click or key wakes it.
  for (const type of ["pointerdown", "keydown"]) window.addEventListener(type, wakeAudio);
  setInterval(() => {
    if (meeting.state !== "prejoin") return;
    const lit = meter ? Math.ceil(meter.read() * bars.length) : 0;
    bars.forEach((bar, index) => bar.classList.toggle("on", index < lit));
  }, 120);
  return (track) => {
    if (meter?.track === track) return;
    meter?.stop();
    meter = track ? new LevelMeter(track) : null;
  };
}
