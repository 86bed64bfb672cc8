import type { Message } from "./model.js";
import type { Timeline } from "./timeline.js";

/** Where a page in the middle of a history goes on. */
export interface WindowMeta {
  readonly nextCursor: string | null;
  readonly prevCursor?: string;
}

/** The messages of a chat: up to the newest one, and around an older one that the user jumped to. */
export class Timelines {
  /** The window that is shown while it is apart from the newest messages. */
  private window: Timeline | null = null;

  constructor(
    /** Goes up to the newest message. */
    public live: Timeline,
  ) {}

  get shown(): Timeline {
    return this.window ?? this.live;
  }

  find(id: string): Message | undefined {
    return this.live.find(id) ?? this.window?.find(id);
  }

  /** Change both; whether that made a difference. */
  update(change: (timeline: Timeline) => boolean): boolean {
    const inLive = change(this.live);
    const inWindow = this.window !== null && change(this.window);
    return inLive || inWindow;
  }

  /** Show a window, which goes on at `cursor`. */
  show(window: Timeline, cursor: string | null): void {
    window.detach(cursor);
    this.window = window;
    this.join();
  }

  /** Make one of both once they touch. */
  join(): void {
    const { window } = this;
    if (!window?.reaches(this.live)) return;
    this.window = null;
    if (window.startsBefore(this.live)) {
      window.join(this.live);
      this.live = window;
    }
  }

  /** Show the newest messages once the window has none. */
  closeEmpty(): void {
    if (!this.window?.size) this.window = null;
  }

  /** Show the newest messages; whether there was a window. */
  close(): boolean {
    const { window } = this;
    this.window = null;
    return window !== null;
  }
}
