// The dialogs about messages and files: one script, which is fetched with the first of them.
import { script } from "./lazy";

const { lazy } = script(() => import("./dialogs"));

export const ChatFiles = lazy((parts) => parts.ChatFiles);
export const Forward = lazy((parts) => parts.Forward);
export const Mentions = lazy((parts) => parts.Mentions);
export const Pins = lazy((parts) => parts.Pins);
export const Reactors = lazy((parts) => parts.Reactors);
export const Report = lazy((parts) => parts.Report);
export const Versions = lazy((parts) => parts.Versions);
