import { useState } from "preact/hooks";
import { useWindowEvent } from "./ui/window-event";

const isThere = () => document.visibilityState === "visible" && document.hasFocus();

/** Whether the user looks at the page: it is visible and has the focus. */
export function useAttention(): boolean {
  const [attention, setAttention] = useState(isThere);
  const check = () => setAttention(isThere());
  useWindowEvent("focus", check);
  useWindowEvent("blur", check);
  useWindowEvent("visibilitychange", check);
  return attention;
}
