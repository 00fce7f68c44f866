// @ts-check
import { wakeAudio } from "../media/levels.js";
import { confirmAction, openDialog } from "./confirm.js";
import { byId, find, setText } from "./dom.js";
import { setIcon } from "./icons.js";
import { announce, toast } from "./notices.js";
import { problemSentence } from "./prejoin.js";

/** @import { Meeting } from "../session/meeting.js" */

/** The bar above and the buttons below. @param {Meeting} meeting */
export function showRoom(meeting) {
  const { local, roster } = meeting;
  const isInside = () => meeting.state === "in" || meeting.state === "reconnecting";

  byId("microphone").addEventListener("click", () => meeting.setMicrophone(!local.state.mic));
  byId("camera").addEventListener("click", () => meeting.setCamera(!local.state.camera));
  byId("screen").addEventListener("click", () => shareScreen(meeting));
  byId("record").addEventListener("click", () => meeting.provider?.record(!meeting.recording));
  byId("settings").addEventListener("click", () =>
    openDialog(/** @type {HTMLDialogElement} */ (byId("settings-dialog"))),
  );
  byId("leave").addEventListener("click", () => meeting.leave());
  byId("end").addEventListener("click", () => endMeeting(meeting));
  byId("room").addEventListener("pointerdown", wakeAudio);

  const drawControls = () => {
    const { mic, camera, screen } = local.state;
    for (const button of byId("controls").querySelectorAll("[data-media]")) {
      /** @type {HTMLElement} */ (button).hidden = meeting.isListener;
    }
    if (!local.canShareScreen) byId("screen").hidden = true;
    control(
      "microphone",
      mic ? "Mute microphone" : "Unmute microphone",
      mic ? "Mute" : "Unmute",
      mic ? "microphone" : "microphone-off",
      !mic,
    );
    control(
      "camera",
      camera ? "Stop camera" : "Start camera",
      camera ? "Stop camera" : "Start camera",
      camera ? "camera" : "camera-off",
      !camera,
    );
    control(
      "screen",
      screen ? "Stop sharing" : "Share screen",
      screen ? "Stop sharing" : "Share screen",
      screen ? "screen-off" : "screen",
      false,
    );
    byId("screen").classList.toggle("control--on", screen);
    byId("end").hidden = !meeting.isModerator;
    byId("record").hidden = !meeting.canRecord;
    const record = meeting.recording ? "Stop recording" : "Start recording";
    control("record", record, record, "record", false);
  };
  const drawHeader = () => {
    const { size } = roster;
    setText(byId("room-count"), size === 1 ? "Only you are here" : `${size} people`);
    byId("recording-badge").hidden = !meeting.recording;
    byId("encrypted-badge").hidden = !meeting.self?.encrypted;
    setText(byId("connection-banner"), meeting.state === "reconnecting" ? "Connection lost. Reconnecting…" : "");
  };

  local.on("change", drawControls);
  local.on("problem", (problem) => problem && isInside() && toast(problemSentence(problem)));
  roster.on("added", drawHeader).on("removed", drawHeader);
  meeting.on("state", ({ state, previous }) => {
    drawControls();
    drawHeader();
    if (state === "in" && previous === "reconnecting") announce("You are connected again.");
  });
  meeting.on("muted", ({ by }) => toast(`${by || "A moderator"} muted your microphone.`));
  meeting.on("trouble", ({ message }) => toast(message));
  meeting.on("recording", () => {
    drawControls();
    drawHeader();
  });
}

/** @param {string} id @param {string} name @param {string} label @param {string} icon @param {boolean} off */
function control(id, name, label, icon, off) {
  const button = byId(id);
  button.setAttribute("aria-label", name);
  button.title = name;
  button.classList.toggle("control--off", off);
  setIcon(button, icon);
  setText(find(button, ".control__label"), label);
}

/** @param {Meeting} meeting */
async function shareScreen({ local }) {
  if (local.state.screen) return local.stopScreen();
  try {
    await local.shareScreen();
  } catch {
    toast("The screen can't be shared.");
  }
}

/** @param {Meeting} meeting */
async function endMeeting(meeting) {
  const action = "End meeting for everyone";
  const sure = await confirmAction({
    title: "End this meeting?",
    detail: "Everyone is disconnected, and nobody can join again.",
    action,
  });
  if (sure) meeting.provider?.end();
}
