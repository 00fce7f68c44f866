// @ts-check
import { byId } from "./dom.js";
import { announce } from "./notices.js";

/** @import { Meeting } from "../session/meeting.js" */
/** @import { State } from "../types.js" */

/** @typedef {{title: string, detail: string, action?: [string, (meeting: Meeting) => unknown]}} Sentence */

/** @type {Partial<Record<State, Sentence>>} */
const SENTENCES = {
  ended: { title: "This meeting has ended.", detail: "You can close this page." },
  scheduled: {
    title: "This meeting has not started yet.",
    detail: "Try again when it is about to begin.",
    action: ["Try again", (meeting) => meeting.prepare()],
  },
  saving: {
    title: "Saving the recording…",
    detail: "The last seconds are on their way. Keep this page open for a moment.",
    action: ["Leave anyway", (meeting) => meeting.leaveAnyway()],
  },
  full: {
    title: "This meeting is full.",
    detail: "As soon as someone leaves, there is a place for you.",
    action: ["Try again", (meeting) => meeting.tryAgain()],
  },
  removed: {
    title: "You were removed from this meeting.",
    detail: "A moderator took you out. Your invitation is no longer valid.",
  },
  left: {
    title: "You left the meeting.",
    detail: "You can come back as long as it goes on.",
    action: ["Join again", (meeting) => meeting.joinAgain()],
  },
  replaced: {
    title: "You are in this meeting on another page.",
    detail: "Your place was taken over there.",
    action: ["Join again", (meeting) => meeting.joinAgain()],
  },
  invitation: {
    title: "You need an invitation to join this meeting.",
    detail: "Open the whole link that you were sent, or ask the organiser for one.",
  },
  unknown: {
    title: "There is no meeting at this address.",
    detail: "Check that the link is complete, or ask the person who sent it for a new one.",
  },
  unavailable: {
    title: "The meeting can't be joined at the moment.",
    detail: "The server has a problem; your connection is fine. Try again in a minute.",
    action: ["Try again", (meeting) => meeting.tryAgain()],
  },
  unsupported: {
    title: "This browser can't join the meeting.",
    detail: "Use a current version of Chrome, Edge, Firefox or Safari.",
  },
  failed: {
    title: "The meeting can't be reached.",
    detail: "Check your connection and try again.",
    action: ["Try again", (meeting) => meeting.tryAgain()],
  },
};

/** What a refusal adds to the sentence. @type {Record<string, string>} */
const DETAILS = {
  token_expired: "Your invitation has expired. Ask the organiser for a new one.",
  token_invalid: "Your invitation is not valid for this meeting. Ask the organiser for a new one.",
  ticket_invalid: "This page has been open for too long.",
  secret_missing: "This meeting is encrypted, and your link lacks its key. Open the whole link that you were sent.",
  script_unreachable: "The video service can't be loaded. A firewall or an extension of the browser may hold it back.",
  provider_mismatch: "The meeting has moved to another service. Ask the organiser for a new link.",
};

/** The largest delay that a timer takes. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A clock that is ahead of the server's must not ask again and again. */
const SHORTEST_WAIT = 5000;

/** Says why the person is not in the meeting, and what can be done. @param {Meeting} meeting */
export function showSentences(meeting) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let opening;
  const action = /** @type {HTMLButtonElement} */ (byId("sentence-action"));
  action.addEventListener("click", () => SENTENCES[meeting.state]?.action?.[1](meeting));

  /** Goes on when the meeting opens, in several steps if that is weeks away. @param {number} moment */
  function waitFor(moment) {
    const wait = Math.max(SHORTEST_WAIT, moment - Date.now());
    opening = setTimeout(
      () => (Date.now() < moment ? waitFor(moment) : meeting.prepare()),
      Math.min(wait, LONGEST_TIMER),
    );
  }

  meeting.on("state", ({ state, previous }) => {
    clearTimeout(opening);
    const sentence = SENTENCES[state];
    if (!sentence) return;
    byId("sentence-title").textContent = sentence.title;
    // The heading has the focus already.
    if (previous === "saving") announce(sentence.title);
    byId("sentence-detail").textContent =
      (state !== "saving" && DETAILS[meeting.refusal?.code ?? ""]) || sentence.detail;
    action.hidden = !sentence.action || (state === "scheduled" && meeting.opensAt !== null);
    action.textContent = sentence.action?.[0] ?? "";
    if (state === "scheduled" && meeting.opensAt) {
      byId("sentence-detail").replaceChildren(...opensAt(new Date(meeting.opensAt)));
      waitFor(Date.parse(meeting.opensAt));
    }
  });
}

/** @param {Date} date @returns {(string | Node)[]} */
function opensAt(date) {
  const time = document.createElement("time");
  time.dateTime = date.toISOString();
  time.textContent = new Intl.DateTimeFormat(undefined, {
    weekday: "long",
    year: "numeric",
    month: "long",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  }).format(date);
  return ["You can join from ", time, ". Keep this page open: it goes on by itself."];
}
