// @ts-check
import { Refused } from "../provider.js";

/** @import { OT } from "./types.js" */

const SECONDS = 20;

/** @type {Promise<OT> | null} */
let loading = null;

/**
 * Vonage's client script, loaded once. A failure may be tried again.
 * @param {string} address
 * @param {string} integrity hashes of which one must be the script's; empty: whatever is there is run
 * @returns {Promise<OT>}
 * @throws {Refused} `script_unreachable`, `unsupported`
 */
export async function loadScript(address, integrity) {
  loading ??= load(address, integrity);
  try {
    const vonage = await loading;
    if (vonage.checkSystemRequirements() === 1) return vonage;
  } catch (error) {
    loading = null;
    throw error;
  }
  throw new Refused({ code: "unsupported", message: "This browser can't take part in video meetings." });
}

/** @param {string} address @param {string} integrity @returns {Promise<OT>} */
function load(address, integrity) {
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
    if (integrity) {
      script.integrity = integrity;
      script.crossOrigin = "anonymous"; // without it a browser can't look at what it got
    }
    script.src = address;
    document.head.append(script);
  });
}
