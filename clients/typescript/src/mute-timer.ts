// Timers of browsers can't be longer; what ends later is looked at again.
const MAX_MS = 24 * 60 * 60_000;

/** Calls `ended` when the first of several mutes ends; `ended` returns when the next one does. */
export class MuteTimer {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private next = Infinity;

  constructor(private readonly ended: () => number) {}

  /** A chat is muted until then, in ms since the epoch. */
  until(time: number): void {
    if (!(time < this.next)) return;
    this.stop();
    this.next = time;
    this.timer = setTimeout(
      () => {
        this.stop();
        this.until(this.ended());
      },
      Math.min(MAX_MS, Math.max(0, time - Date.now()) + 1),
    );
  }

  stop(): void {
    clearTimeout(this.timer);
    this.next = Infinity;
  }
}
