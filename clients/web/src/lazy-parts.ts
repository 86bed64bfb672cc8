// What `lazy.tsx` fetches: one script, so that nothing of it is missing once the first part is there.
export { NewChat } from "./new-chat";
export { NewGroup } from "./new-group";
export { OpenChat } from "./open-chat";
export { ShortcutList } from "./shortcut-list";
