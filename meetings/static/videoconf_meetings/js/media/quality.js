// @ts-check
/** @import { Quality } from "../types.js" */

/** In a mesh each page sends its picture once to everyone else. @type {readonly (Quality & {upTo: number})[]} */
const STEPS = [
  { upTo: 2, width: 1280, height: 720, frameRate: 30, maxBitrate: 1_500_000 },
  { upTo: 4, width: 640, height: 360, frameRate: 24, maxBitrate: 600_000 },
  { upTo: Infinity, width: 384, height: 216, frameRate: 15, maxBitrate: 250_000 },
];

/** @param {number} people who are in the meeting, this page included @returns {Quality} */
export function qualityFor(people) {
  const { width, height, frameRate, maxBitrate } = /** @type {Quality} */ (STEPS.find(({ upTo }) => people <= upTo));
  return { width, height, frameRate, maxBitrate };
}
