// The dialogs about messages: one script, so that nothing of it is missing once the first of them is there.
export { ChatFiles } from "./chat-files";
export { Forward } from "./forward";
export { Mentions } from "./mentions";
export { Pins } from "./pins";
export { Reactors } from "./reactors";
export { Report } from "./report";
export { Versions } from "./versions";
