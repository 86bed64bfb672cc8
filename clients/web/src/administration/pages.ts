import type { Role } from "@chatapp/client";

/**
 * The pages of the administration, in order, and the roles that see them. A new page needs a line here, its component in
 * `administration.tsx`, and its title in the texts.
 */
const PAGES = {
  users: ["ADMIN"],
  reports: ["MODERATOR", "ADMIN"],
  keys: ["ADMIN"],
  audit: ["ADMIN"],
  server: ["ADMIN"],
} as const satisfies Readonly<Record<string, readonly Role[]>>;

export type PageName = keyof typeof PAGES;

/** The pages that users with this role see. */
export function pagesOf(role: Role): readonly PageName[] {
  const entries = Object.entries(PAGES) as [PageName, readonly Role[]][];
  return entries.filter(([, roles]) => roles.includes(role)).map(([name]) => name);
}
