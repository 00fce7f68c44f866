// @ts-check
/** @import { Meeting } from "../session/meeting.js" */

/** A frame that its site did not allow it to would only get an error on the console. */
const isAllowed = () => /** @type {any} */ (document).featurePolicy?.allowsFeature("screen-wake-lock") !== false;

/** Keeps the screen from going dark in the middle of a meeting. @param {Meeting} meeting */
export function keepAwake(meeting) {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  const update = async () => {
    const wanted = ["in", "reconnecting"].includes(meeting.state) && !document.hidden;
    if (!wanted) {
      lock?.release();
      lock = null;
    } else if ((!lock || lock.released) && isAllowed()) {
      // Low battery and some browsers refuse; the meeting goes on.
      lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
    }
  };
  meeting.on("state", update);
  document.addEventListener("visibilitychange", update);
}
