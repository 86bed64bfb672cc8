// What the tabs of one user know of each other: a tab's locks are released with it, however it ends.

/** Hold a lock as soon as it is free. Returns a function that releases it. */
export function hold(name: string, mode: LockMode, onHeld = () => {}): () => void {
  const end = new AbortController();
  const until = new Promise<void>((resolve) => end.signal.addEventListener("abort", () => resolve()));
  const held = () => {
    onHeld();
    return until;
  };
  // Without a secure context there are no locks: each tab is for itself.
  if (navigator.locks) void navigator.locks.request(name, { mode, signal: end.signal }, held).catch(() => {});
  else onHeld();
  return () => end.abort();
}

/** Whether a tab holds the lock. */
export async function isHeld(name: string): Promise<boolean> {
  const { held } = (await navigator.locks?.query()) ?? {};
  return held?.some((lock) => lock.name === name) ?? false;
}
