import { useEffect, useState } from "preact/hooks";

const isThere = () => document.visibilityState === "visible" && document.hasFocus();

/** Whether the user looks at the page: it is visible and has the focus. */
export function useAttention(): boolean {
  const [attention, setAttention] = useState(isThere);
  useEffect(() => {
    const check = () => setAttention(isThere());
    addEventListener("focus", check);
    addEventListener("blur", check);
    document.addEventListener("visibilitychange", check);
    return () => {
      removeEventListener("focus", check);
      removeEventListener("blur", check);
      document.removeEventListener("visibilitychange", check);
    };
  }, []);
  return attention;
}
