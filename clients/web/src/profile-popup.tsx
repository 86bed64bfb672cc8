import type { User } from "@chatapp/client";
import { useState } from "preact/hooks";
import { onSessionEnd } from "./client";
import { lazy } from "./lazy";

/** The parts of a user that names and avatars have. */
export type Profiled = Pick<User, "id" | "username" | "avatar" | "displayName" | "isBot" | "isDeleted">;

export interface ShownProfile {
  readonly user: Profiled;
  readonly anchor: HTMLElement | undefined;
}

let shown: ShownProfile | null = null;
let listener = (_shown: ShownProfile | null) => {};

function show(next: ShownProfile | null): void {
  shown = next;
  listener(shown);
}

/** Show a user's profile and the actions for it. Closing returns the focus to `anchor`. */
export const showProfile = (user: Profiled, anchor?: HTMLElement) => show({ user, anchor });

onSessionEnd(() => show(null));

const UserProfile = lazy((parts) => parts.UserProfile);

/** Where `showProfile` shows. */
export function ProfilePopup() {
  const [current, setCurrent] = useState(shown);
  listener = setCurrent;
  return current && <UserProfile key={current.user.id} {...current} onClose={() => show(null)} />;
}
