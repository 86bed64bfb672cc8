import { useState } from "preact/hooks";
import { showError } from "./toast";

/** Runs an asynchronous action: `busy` while it runs; errors are shown as a toast. */
export function useAction() {
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      showError(error);
    } finally {
      setBusy(false);
    }
  };
  return { run, busy };
}
