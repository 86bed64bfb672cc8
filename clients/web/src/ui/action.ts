import { ProblemError } from "@chatapp/client";
import { useState } from "preact/hooks";
import { complain } from "./toast";

export type FieldErrors = Readonly<Record<string, readonly string[]>>;

/**
 * Runs what takes a while: `busy` meanwhile, and a failure told. Errors about fields come as `errors` where a form shows
 * them; all others as a toast.
 */
export function useAction() {
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<FieldErrors>({});
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setErrors({});
    try {
      await work();
    } catch (error) {
      if (error instanceof ProblemError && Object.keys(error.errors).length) setErrors(error.errors);
      else complain(error);
    } finally {
      setBusy(false);
    }
  };
  return { run, busy, errors, setErrors };
}
