// @ts-check
// The meeting page: puts the session and what shows it together.
import { Meeting } from "./session/meeting.js";
import { showDevices } from "./ui/devices.js";
import { byId } from "./ui/dom.js";
import { drawIcons } from "./ui/icons.js";
import { showPeople } from "./ui/people.js";
import { showPrejoin } from "./ui/prejoin.js";
import { showRecording } from "./ui/recording.js";
import { showRoom } from "./ui/room.js";
import { showSentences } from "./ui/sentences.js";
import { showTiles } from "./ui/tiles.js";
import { showViews } from "./ui/views.js";
import { keepAwake } from "./ui/wakelock.js";

/** @type {import("./types.js").Config} */
const config = JSON.parse(byId("meeting-config").textContent ?? "");
const meeting = new Meeting(config, location.hash, (url) => import(url));

document.getElementById("stalled")?.remove();
drawIcons(document);
showViews(meeting);
showSentences(meeting);
showPrejoin(meeting);
showDevices(meeting.local, byId("prejoin-devices"), (choice) => meeting.choose(choice));
showDevices(meeting.local, byId("room-devices"), (choice) => meeting.choose(choice));
showRoom(meeting);
showTiles(meeting);
showPeople(meeting);
showRecording(meeting);
keepAwake(meeting);

if (config.debug) {
  meeting.on("state", () => Object.assign(window, { videoconf: meeting.provider }));
}
// Another invitation in the same tab is another person: nothing of this one is taken over.
window.addEventListener("hashchange", () => {
  meeting.forget();
  location.reload();
});
meeting.ownRecording.uploads.adopt();
meeting.start();
