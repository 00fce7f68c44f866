// @ts-check
import { byId, setText } from "./dom.js";
import { toast } from "./notices.js";

/** @import { Meeting } from "../session/meeting.js" */
/** @import { Archive } from "../types.js" */

const SENTENCE = "This meeting is being recorded.";
const ASKED = "If you agree, your picture, your voice and what you share are recorded.";
/** A few seconds are always on their way. */
const SLOW_SECONDS = 20;

/** What there is to say of a recording: that it runs, and the notice, which may say so itself. @param {Archive | null} archive */
export function wordsOf(archive) {
  const notice = noticeOf(archive);
  const saysSo = notice.toLowerCase().includes(SENTENCE.slice(0, -1).toLowerCase());
  return saysSo ? notice : `${SENTENCE} ${notice}`.trim();
}

/** @param {Archive | null} archive */
function noticeOf(archive) {
  return (archive?.notice ?? "").trim();
}

/** Tells of a recording, asks for consent where that is needed, and says what is still being sent. @param {Meeting} meeting */
export function showRecording(meeting) {
  showNotice(meeting);
  showConsent(meeting);
  showPart(meeting);
  showSending(meeting);
}

/** @param {Meeting} meeting */
function showNotice(meeting) {
  const note = byId("recording-note");
  byId("recording-note-close").addEventListener("click", () => {
    note.hidden = true;
    byId("room-title").focus({ preventScroll: true });
  });
  let wasTold = false;
  const tell = () => {
    const isAsked = meeting.archive?.consent === "required" && !meeting.isListener;
    note.hidden = !meeting.recording || isAsked || noticeOf(meeting.archive) === "";
    setText(byId("recording-note-text"), note.hidden ? "" : wordsOf(meeting.archive));
    if (meeting.recording && note.hidden && !isAsked && !wasTold) toast(SENTENCE);
    wasTold = meeting.recording;
  };
  meeting.on("recording", ({ active }) => {
    if (meeting.state === "prejoin") return;
    tell();
    if (!active) toast("The recording has stopped.");
  });
  meeting.on("state", ({ state, previous }) => {
    if (state !== "in" || previous !== "joining") return;
    wasTold = false;
    tell();
  });
}

/** @param {Meeting} meeting */
function showConsent(meeting) {
  const { ownRecording } = meeting;
  const dialog = /** @type {HTMLDialogElement} */ (byId("consent"));
  /** @param {"agreed" | "declined"} decision */
  const decide = (decision) => {
    ownRecording.decide(decision);
    dialog.close();
  };
  byId("consent-agree").addEventListener("click", () => decide("agreed"));
  byId("consent-decline").addEventListener("click", () => decide("declined"));
  // Escape is no consent.
  dialog.addEventListener("cancel", () => decide("declined"));
  ownRecording.on("ask", (archive) => {
    setText(byId("consent-notice"), noticeOf(archive) || ASKED);
    if (!dialog.open) dialog.showModal();
  });
  ownRecording.on("change", () => {
    if (dialog.open && !ownRecording.mustDecide) dialog.close();
  });
}

/** Another decision, in the list of people. @param {Meeting} meeting */
function showPart(meeting) {
  const { ownRecording } = meeting;
  const button = byId("recording-part-change");
  button.addEventListener("click", () => ownRecording.decide(ownRecording.isPart ? "declined" : "agreed"));
  const draw = () => {
    const { isPart, isAsked } = ownRecording;
    byId("recording-part").hidden = !isAsked;
    setText(byId("recording-part-text"), isPart ? "You are in the recording." : "You are not in the recording.");
    setText(button, isPart ? "Stay out of the recording" : "Agree to be recorded");
  };
  ownRecording.on("change", draw);
  meeting.on("state", draw);
}

/** @param {Meeting} meeting */
function showSending(meeting) {
  const { uploads } = meeting.ownRecording;
  const line = byId("sending");
  const draw = () => {
    const text = sentence(meeting);
    line.hidden = text === "";
    setText(line, text);
  };
  meeting.ownRecording.on("change", draw);
  meeting.on("state", draw);
  uploads.on("sent", ({ isOwn }) => {
    const isInside = ["in", "reconnecting", "saving"].includes(meeting.state);
    if ((!isOwn || !isInside) && !uploads.isCatchingUp && uploads.isIdle) toast("The recording is saved.");
  });
  // What is on its way is not lost: it is kept, but sent only when this page is opened again.
  window.addEventListener("beforeunload", (event) => {
    if (meeting.state === "saving" || uploads.left > SLOW_SECONDS) event.preventDefault();
  });
}

/** @param {Meeting} meeting */
function sentence({ state, ownRecording: { uploads } }) {
  if (state === "saving") return "";
  if (state === "in" || state === "reconnecting") {
    const tens = Math.floor(uploads.left / 10) * 10;
    return tens < SLOW_SECONDS
      ? ""
      : `The connection is slow: about ${tens} seconds of the recording wait on this device.`;
  }
  if (uploads.isIdle && !uploads.isCatchingUp) return "";
  return "Sending what is left of a recording. Keep this page open, or open it again later.";
}
