// @ts-check
import { openDialog } from "./confirm.js";
import { byId } from "./dom.js";
import { NO_CODE, avatarHue, initials } from "./tile.js";

/** @import { Meeting } from "../session/meeting.js" */
/** @import { Participant } from "../types.js" */

const ROLES = { moderator: "Moderator", publisher: "", subscriber: "Watches and listens" };

/** The list of everyone, with encryption codes where the meeting is encrypted. @param {Meeting} meeting */
export function showPeople(meeting) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("people-dialog"));
  const muteAll = byId("mute-all");
  byId("people").addEventListener("click", () => {
    draw();
    openDialog(dialog);
  });
  dialog.addEventListener("close", () => byId("people-list").replaceChildren());
  muteAll.addEventListener("click", () => {
    meeting.provider?.mute("*");
    dialog.close();
  });
  const draw = () => {
    byId("code-hint").hidden = !meeting.roster.all().some(({ code }) => code !== null);
    muteAll.hidden = !meeting.isModerator || meeting.roster.size < 2;
    byId("people-list").replaceChildren(...meeting.roster.all().map(row));
  };
  for (const type of /** @type {const} */ (["added", "removed", "replaced", "changed"])) {
    meeting.roster.on(type, () => dialog.open && draw());
  }
}

/** @param {Participant} participant */
function row({ name, local, role, media, code }) {
  const item = document.createElement("li");
  item.className = "person";
  const avatar = document.createElement("span");
  avatar.className = "person__avatar";
  avatar.setAttribute("aria-hidden", "true");
  avatar.textContent = initials(name);
  avatarHue(avatar, name);
  const text = document.createElement("span");
  text.className = "person__text";
  const title = document.createElement("strong");
  title.className = "person__name";
  title.textContent = local ? `${name} (you)` : name;
  title.title = name;
  const state =
    role === "subscriber"
      ? []
      : [media.mic ? "" : "muted", media.camera ? "" : "camera off", media.screen ? "shares a screen" : ""];
  const detail = document.createElement("span");
  detail.textContent = [ROLES[role], ...state].filter(Boolean).join(" · ");
  text.append(title, detail);
  if (code === false) {
    const failure = document.createElement("span");
    failure.className = "person__failure";
    failure.textContent = NO_CODE;
    text.append(failure);
  }
  item.append(avatar, text);
  if (code) {
    const digits = document.createElement("code");
    digits.textContent = code;
    item.append(digits);
  }
  return item;
}
