import type { Chat, Item } from "@chatapp/client";
import { EmojiPicker } from "./emoji-picker";
import { Forward, Pins, Reactors, Report, Versions } from "./message-dialogs";
import { MessageMenu } from "./message-menu";
import type { Acts, Overlay } from "./overlay";
import { quickRow, reactWith } from "./reactions";
import { Receipts } from "./receipts";
import { isOwn } from "./runs";
import { t } from "./texts";
import { MenuList } from "./ui/menu";
import { picturesOf, Viewer } from "./viewer";

interface OverlaysProps {
  overlay: Overlay;
  chat: Chat;
  items: readonly Item[];
  /** The id of the user. */
  me: string;
  /** The user may delete the messages of others too. */
  mayDelete: boolean;
  mayPin: boolean;
  isExpanded: (key: string) => boolean;
  isCollapsed: (item: Item) => boolean;
  acts: Acts;
  /** The messages were forwarded. */
  onForwarded: () => void;
  onClose: () => void;
}

/** The menu, viewer or dialog that is open for a message. */
export function Overlays(props: OverlaysProps) {
  const { overlay, chat, items, me, mayDelete, mayPin, isExpanded, isCollapsed, acts, onForwarded, onClose } = props;
  switch (overlay.kind) {
    case "viewer": {
      const onShow = (messageId: string) => acts.open({ kind: "viewer", messageId });
      const pictures = picturesOf(items.filter((each) => !isCollapsed(each)));
      return <Viewer pictures={pictures} messageId={overlay.messageId} onShow={onShow} onClose={onClose} />;
    }
    case "receipts":
      return <Receipts message={overlay.message} onClose={onClose} />;
    case "reactors":
      return <Reactors message={overlay.message} onClose={onClose} />;
    case "versions":
      return <Versions message={overlay.message} onClose={onClose} />;
    case "report": {
      const target = { messageId: overlay.message.id };
      return <Report title={t.report.ofMessage} target={target} onClose={onClose} />;
    }
    case "forward":
      return <Forward messageIds={overlay.messageIds} onDone={onForwarded} onClose={onClose} />;
    case "pins":
      return <Pins chat={chat} mayPin={mayPin} onJump={acts.jump} onClose={onClose} />;
  }
  const { kind, key, anchor } = overlay;
  const item = items.find((each) => each.key === key);
  if (!item) return null;
  if (kind === "menu") {
    return (
      <MessageMenu
        item={item}
        anchor={anchor}
        isOwn={isOwn(item, me)}
        mayDelete={mayDelete}
        mayPin={mayPin}
        isExpanded={isExpanded(key)}
        isCollapsed={isCollapsed(item)}
        acts={acts}
        onClose={onClose}
      />
    );
  }
  if (item.state !== "sent") return null;
  const { message } = item;
  if (kind === "emoji") {
    return <EmojiPicker anchor={anchor} onPick={(emoji) => reactWith(message, emoji)} onClose={onClose} />;
  }
  return (
    <MenuList
      label={t.reactions.react}
      items={[]}
      row={quickRow(message, () => acts.open({ kind: "emoji", key, anchor }))}
      anchor={anchor}
      onClose={onClose}
    />
  );
}
