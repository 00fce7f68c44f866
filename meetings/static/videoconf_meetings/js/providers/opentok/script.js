// @ts-check
import { Refused } from "../provider.js";

/** @import { OT } from "./types.js" */

const SECONDS = 20;

/** @type {Promise<OT> | null} */
let loading = null;

/**
 * Vonage's client script, loaded once. A failure may be tried again.
 * @param {string} address
 * @returns {Promise<OT>}
 * @throws {Refused} `script_unreachable`, `unsupported`
 */
export async function loadScript(address) {
  loading ??= load(address);
  try {
    const vonage = await loading;
    if (vonage.checkSystemRequirements() === 1) return vonage;
  } catch (error) {
    loading = null;
    throw error;
  }
  throw new Refused({ code: "unsupported", message: "This browser can't take part in video meetings." });
}

/** @param {string} address @returns {Promise<OT>} */
function load(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const fail = () => {
      clearTimeout(timer);
      script.remove();
      reject(new Refused({ code: "script_unreachable", message: "The video service can't be loaded." }));
    };
    const timer = setTimeout(fail, SECONDS * 1000);
    script.addEventListener("error", fail);
    script.addEventListener("load", () => {
      clearTimeout(timer);
      const { OT } = /** @type {{OT?: OT}} */ (/** @type {unknown} */ (window));
      if (OT) resolve(OT);
      else fail();
    });
    script.src = address;
    document.head.append(script);
  });
}
