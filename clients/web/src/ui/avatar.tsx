import { useState } from "preact/hooks";
import { client } from "../client";

interface AvatarProps {
  /** The id of the user or chat: it determines the colour. */
  id: string;
  name: string;
  /** The picture; the first letters of the name are shown without one, and where it is on another server that is not
   * listed: to load it would give that server the reader's address. */
  picture: string | null;
  kind?: "person" | "group";
  size?: "small" | "large" | undefined;
  /** Whether this user is online. */
  isOnline?: boolean | undefined;
}

export function Avatar({ id, name, picture, kind = "person", size, isOnline = false }: AvatarProps) {
  const [broken, setBroken] = useState<string | null>(null);
  const isShown = picture !== null && picture !== broken && mayLoad(picture);
  return (
    <span
      class={`avatar ${kind} ${size ?? ""}`}
      style={{ "--hue": hue(id) }}
      data-initials={isShown ? undefined : initials(name)}
      aria-hidden="true"
    >
      {isShown && (
        <img
          src={client.avatarUrl(picture, size === "large" ? 512 : 96)}
          alt=""
          referrerpolicy="no-referrer"
          onError={() => setBroken(picture)}
        />
      )}
      {isOnline && <span class="dot" />}
    </span>
  );
}

/** The servers whose pictures this page may load (AVATAR_HOSTS), besides its own. */
const hosts = document.querySelector<HTMLMetaElement>('meta[name="avatar-hosts"]')?.content.split(" ") ?? [];

function mayLoad(picture: string): boolean {
  if (!URL.canParse(picture, location.href)) return false;
  const { origin, host } = new URL(picture, location.href);
  return origin === location.origin || hosts.includes(host);
}

const HUES = [20, 55, 95, 150, 185, 220, 250, 285, 320, 350];

/** The colour of a user or chat, the same everywhere. */
export function hue(id: string): number {
  // The end of an id is chance, its beginning a time.
  const chance = Number.parseInt(id.slice(-8), 16);
  return HUES[chance % HUES.length] ?? 0;
}

function initials(name: string): string {
  const words = name.split(/[\s_]+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const first = [...(words[0] ?? name)];
  return words.length > 1 ? `${first[0]}${[...(words[1] ?? "")][0]}` : first.slice(0, 2).join("");
}
