// @ts-check
import { randomId } from "../random.js";

// Two pages of one browser share the queue; what one of them is sending the other leaves alone.

const LEASE = 6000;
const RENEW_EVERY = 2000;
const CALM = 150;
const me = randomId();

/**
 * Does the work if no other page holds the name, and holds it meanwhile, at most as long as this page lives.
 * @param {string} name
 * @param {() => Promise<unknown>} work
 * @returns {Promise<boolean>} whether it was free
 */
export async function whileHolding(name, work) {
  if (!navigator.locks) return whileLeasing(`videoconf.${name}`, work);
  return navigator.locks.request(`videoconf.${name}`, { ifAvailable: true }, async (lock) => {
    if (lock) await work();
    return lock !== null;
  });
}

/** Browsers without the Web Locks API: a lease in localStorage, which runs out when its page is gone. @param {string} key @param {() => Promise<unknown>} work */
async function whileLeasing(key, work) {
  try {
    if (isForeign(key)) return false;
    sign(key);
    await new Promise((resolve) => setTimeout(resolve, CALM));
    // Two that signed at the same moment: the last one has it.
    if (isForeign(key)) return false;
  } catch {
    // Without storage there is nothing that another page could take.
    await work();
    return true;
  }
  const timer = setInterval(() => sign(key), RENEW_EVERY);
  try {
    await work();
  } finally {
    clearInterval(timer);
    localStorage.removeItem(key);
  }
  return true;
}

/** @param {string} key */
function isForeign(key) {
  const [holder, until] = (localStorage.getItem(key) ?? " 0").split(" ");
  return holder !== me && Number(until) > Date.now();
}

/** @param {string} key */
function sign(key) {
  localStorage.setItem(key, `${me} ${Date.now() + LEASE}`);
}
