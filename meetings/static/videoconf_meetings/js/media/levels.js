// @ts-check

/** One AudioContext for the page; it may start only after a gesture. @type {AudioContext | null} */
let context = null;

/** Call from a click: browsers keep the context silent until then. */
export function wakeAudio() {
  if (context?.state === "suspended") context.resume();
}

/** How loud a stream's audio is. */
export class LevelMeter {
  #source;
  #analyser;
  #samples = new Float32Array(512);

  /** @param {MediaStreamTrack} track */
  constructor(track) {
    context ??= new AudioContext();
    this.track = track;
    this.#analyser = new AnalyserNode(context, { fftSize: 512 });
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }

  /** From 0 (silence) to 1 (as loud as speech gets). */
  read() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return Math.min(1, Math.sqrt(sum / this.#samples.length) * 4);
  }

  stop() {
    this.#source.disconnect();
  }
}
