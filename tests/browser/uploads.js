// The page of the tests of the upload queue: the queue as the meeting page has it, and a recorder that a test plays.
import { RecordingLine } from "/js/recording/line.js";
import { openQueue } from "/js/recording/queue.js";
import { Uploads } from "/js/recording/uploads.js";

const parameters = new URLSearchParams(location.search);
const events = [];
const queue = openQueue(Number(parameters.get("limit")) || undefined);
const uploads = new Uploads(parameters.get("meeting") ?? "one", queue);
for (const type of ["sent", "over", "full"]) uploads.on(type, (detail) => events.push({ type, ...detail }));

const line = new RecordingLine(
  async (frame) => {
    const response = await fetch("/line", { method: "POST", body: JSON.stringify(frame) });
    line.receive(await response.json());
  },
  { measure: async () => 250 },
);
uploads.attach(line);
if (!parameters.has("offline")) line.opened();

Object.assign(window, {
  uploads,
  line,
  queue,
  events,
  /** Records a track of chunks of such sizes; `end` is false for one that goes on. */
  record(sizes, { track = crypto.randomUUID(), end = true } = {}) {
    uploads.begin({ track, archive: "a", kind: "camera" });
    uploads.started(track, Date.now());
    sizes.forEach((size, sequence) => uploads.add(track, { sequence, bytes: new ArrayBuffer(size) }));
    if (end) uploads.end(track, sizes.length);
    return track;
  },
  rows: async () => (await queue).rows(),
});
if (parameters.has("adopt")) uploads.adopt();
document.title = "ready";
