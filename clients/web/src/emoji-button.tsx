import { EmojiPicker } from "./emoji-picker";
import { t } from "./texts";
import { icons } from "./ui/icons";
import { PopupButton } from "./ui/popup-button";

/** A button that opens the emoji picker. */
export const EmojiButton = ({ onPick }: { onPick: (emoji: string) => void }) => (
  <PopupButton
    label={t.emoji.title}
    title={t.emoji.title}
    popup="dialog"
    open={(anchor, close) => <EmojiPicker anchor={anchor} onPick={onPick} onClose={close} />}
  >
    {icons.smile}
  </PopupButton>
);
