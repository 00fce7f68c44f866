// @ts-check
// The page of one recording: where it stands, and once it is there, the film.
import { RecordingFile } from "./session/recording_file.js";
import { byId } from "./ui/dom.js";
import { showWatch } from "./ui/watch.js";

const config = JSON.parse(byId("recording-config").textContent ?? "");

byId("stalled").remove();
const file = new RecordingFile(config, location.hash);
showWatch(file);
window.addEventListener("hashchange", () => location.reload());
file.start();
