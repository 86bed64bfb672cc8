import { useEffect, useState } from "preact/hooks";

/** Where one is: the list alone, in a chat, or at a chat's details. */
export interface Route {
  readonly chatId: string | null;
  readonly details: boolean;
}

export const HOME = "#/";
export const chatPath = (chatId: string) => `#/chats/${chatId}`;
export const detailsPath = (chatId: string) => `#/chats/${chatId}/details`;

function read(): Route {
  const [, chatId, details] = /^#\/chats\/([\w-]+)(\/details)?$/.exec(location.hash) ?? [];
  return { chatId: chatId ?? null, details: details !== undefined };
}

export function go(path: string): void {
  location.hash = path;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const changed = () => setRoute(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
