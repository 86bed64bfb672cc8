/** One sound for messages within this time. */
const PAUSE_MS = 2000;
const TONES: readonly (readonly [hertz: number, at: number])[] = [
  [660, 0],
  [880, 0.12],
];
const SECONDS = 0.35;
const VOLUME = 0.12;

let context: AudioContext | undefined;
let last = -Infinity;

/** Play two short notes. Browsers allow sounds once the user has done something on the page. */
export function play(): void {
  if (!navigator.userActivation?.hasBeenActive || performance.now() - last < PAUSE_MS) return;
  last = performance.now();
  context ??= new AudioContext();
  for (const [hertz, at] of TONES) {
    const begin = context.currentTime + at;
    const volume = new GainNode(context, { gain: VOLUME });
    volume.gain.setValueAtTime(VOLUME, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + SECONDS);
    const tone = new OscillatorNode(context, { frequency: hertz });
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + SECONDS);
  }
}
