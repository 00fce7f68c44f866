// @ts-check

/** VP8 costs least to make; every player of WebM knows it. */
const PICTURE = ["video/webm;codecs=vp8,opus", "video/webm;codecs=vp9,opus", "video/webm"];
const SOUND = ["audio/webm;codecs=opus", ...PICTURE];

const LARGE_HEIGHT = 540;
const SCREEN_BITS = 2_500_000;
const LARGE_BITS = 1_000_000;
const SMALL_BITS = 600_000;
const SOUND_BITS = 64_000;
const KEY_FRAME_EVERY = 2000;

/** A way of this browser to record such tracks as WebM; `null` if it has none. @param {boolean} hasPicture */
export function recordingType(hasPicture) {
  if (typeof MediaRecorder === "undefined") return null;
  return (hasPicture ? PICTURE : SOUND).find((type) => MediaRecorder.isTypeSupported(type)) ?? null;
}

/**
 * @param {"camera" | "screen"} kind
 * @param {readonly MediaStreamTrack[]} tracks
 * @returns {MediaRecorderOptions | null} `null` if this browser can't record them
 */
export function recorderOptions(kind, tracks) {
  const picture = tracks.find((track) => track.kind === "video");
  const mimeType = recordingType(Boolean(picture));
  if (!mimeType) return null;
  const isLarge = (picture?.getSettings().height ?? 0) >= LARGE_HEIGHT;
  const videoBitsPerSecond = kind === "screen" ? SCREEN_BITS : isLarge ? LARGE_BITS : SMALL_BITS;
  const options = { mimeType, videoBitsPerSecond, audioBitsPerSecond: SOUND_BITS };
  // Not yet in TypeScript's description of the browser. After a gap a picture begins again at a key frame.
  return Object.assign(options, { videoKeyFrameIntervalDuration: KEY_FRAME_EVERY });
}
