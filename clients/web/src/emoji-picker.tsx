import { script } from "./lazy";

export interface EmojiPickerProps {
  /** The element that opened it, beside which it is shown; Escape returns the focus to it. */
  anchor: HTMLElement | null;
  /** Called with the emoji, before `onClose`. */
  onPick: (emoji: string) => void;
  onClose: () => void;
}

/** A popover with all emoji, from which one is picked. It is fetched when it is first shown. */
export const EmojiPicker = script(() => import("./emoji/emoji-popover")).lazy<EmojiPickerProps>(
  (parts) => parts.Picker,
);
