// @ts-check
import { byId, setText } from "./dom.js";

/** @import { Meeting } from "../session/meeting.js" */
/** @import { State } from "../types.js" */

/** @type {Record<string, readonly State[]>} */
const VIEWS = {
  prejoin: ["prejoin", "joining"],
  room: ["in", "reconnecting"],
};

/** Shows the one part of the page that belongs to the state, and takes the focus there. @param {Meeting} meeting */
export function showViews(meeting) {
  const root = byId("meet");
  meeting.on("state", ({ state }) => {
    root.dataset.state = state;
    const [view = "sentence"] = Object.entries(VIEWS).find(([, states]) => states.includes(state)) ?? [];
    const before = root.dataset.view;
    if (before === view) return;
    root.dataset.view = view;
    for (const id of ["sentence", "prejoin", "room"]) byId(id).hidden = id !== view;
    byId("toasts").replaceChildren();
    for (const dialog of root.querySelectorAll("dialog")) dialog.close();
    if (before) byId(`${view}-title`).focus({ preventScroll: true });
  });
  meeting.on("role", () => {
    const title = meeting.self?.title;
    if (!title) return;
    document.title = title;
    for (const id of ["room-title", "prejoin-title"]) setText(byId(id), title);
  });
}
