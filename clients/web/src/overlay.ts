import type { Message } from "@chatapp/client";

/** The menu, viewer or dialog that is open for a message. */
export type Overlay =
  | { readonly kind: "menu"; readonly key: string; readonly anchor: HTMLElement }
  /** The quick reactions, or all emoji to react with. */
  | { readonly kind: "react" | "emoji"; readonly key: string; readonly anchor: HTMLElement }
  | { readonly kind: "viewer"; readonly messageId: string }
  | { readonly kind: "receipts" | "reactors" | "versions" | "report"; readonly message: Message }
  | { readonly kind: "forward"; readonly messageIds: readonly string[] }
  | { readonly kind: "pins" };
export type Open = (overlay: Overlay) => void;

/** What rows call. It is one object for all of them, and stays the same: it renders none of them again. */
export interface Acts {
  readonly open: Open;
  readonly edit: (messageId: string) => void;
  /** Show a long text whole, or in part again. */
  readonly expand: (key: string) => void;
  /** Show a message that is collapsed. */
  readonly reveal: (key: string) => void;
  /** Go to the message with this `seq`. */
  readonly jump: (seq: number) => void;
  /** Select a message, or no longer. */
  readonly select: (messageId: string) => void;
}
