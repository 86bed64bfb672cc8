import { useLayoutEffect, useRef } from "preact/hooks";

type EventMap = WindowEventMap & DocumentEventMap;

/**
 * Call `handler` for an event that reaches the window. It is attached together with the component's elements, and once:
 * no event between two renders is missed, and the last `handler` receives it.
 */
export function useWindowEvent<Type extends keyof EventMap>(
  type: Type,
  handler: (event: EventMap[Type]) => void,
  { capture = false } = {},
): void {
  const latest = useRef(handler);
  latest.current = handler;
  useLayoutEffect(() => {
    const call = (event: Event) => latest.current(event as EventMap[Type]);
    addEventListener(type, call, capture);
    return () => removeEventListener(type, call, capture);
  }, []);
}
