/** Resolve after `ms`; reject with the signal's reason once it is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** How many ms to wait before the attempt after `failures` ones: doubling from `first` to `most`, and never all alike. */
export function backoff(failures: number, first: number, most: number): number {
  const longest = Math.min(most, first * 2 ** Math.max(0, failures - 1));
  return longest * (0.5 + Math.random() / 2);
}
