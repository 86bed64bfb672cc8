import { t } from "./texts";

// The server marks its page when it is set to show them (WEB_DEVELOPER_LINKS); the development server of Vite has no mark.
const areShown = import.meta.env.DEV || document.querySelector('meta[name="developer-links"]') !== null;

/** The API documents, as [label, address]; none unless the server is set to show them. */
export const developerLinks = (): readonly (readonly [string, string])[] =>
  areShown
    ? [
        [t.developers.rest, "/docs"],
        [t.developers.events, "/docs/events"],
      ]
    : [];

/** The links below the login form. */
export function DeveloperLinks() {
  if (!areShown) return null;
  return (
    <footer>
      {t.developers.heading}{" "}
      {developerLinks().map(([label, href], at) => (
        <span key={href}>
          {at > 0 && " · "}
          <a href={href}>{label}</a>
        </span>
      ))}
    </footer>
  );
}
