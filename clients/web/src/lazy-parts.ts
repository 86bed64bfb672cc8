// What `lazy.tsx` fetches: one script, so that nothing of it is missing once the first part is there.
import "./markdown/plain";

export { ChatGestures } from "./chat-gestures";
export { ChatMenu } from "./chat-menu";
export { CropDialog } from "./crop-dialog";
export { DraftSync } from "./draft-sync";
export { NewChat } from "./new-chat";
export { NewGroup } from "./new-group";
export { Notifier } from "./notifications/notifier";
export { OpenChat } from "./open-chat";
export { Profile } from "./profile";
export { ShortcutList } from "./shortcut-list";
export { UserProfile } from "./user-profile";
