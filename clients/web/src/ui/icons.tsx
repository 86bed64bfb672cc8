import type { ComponentChildren, VNode } from "preact";
import { logoUrl } from "../branding";

const line = (children: ComponentChildren) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    {children}
  </svg>
);

const shapes = {
  add: () => line(<path d="M12 5v14M5 12h14" />),
  alert: () =>
    line(
      <>
        <circle cx="12" cy="12" r="8.5" />
        <path d="M12 7.8v5M12 16v.1" />
      </>,
    ),
  archive: () =>
    line(
      <>
        <rect x="3.5" y="4.5" width="17" height="4.5" rx="1.5" />
        <path d="M5 9v8.500a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V9M10 13h4" />
      </>,
    ),
  at: () =>
    line(
      <>
        <circle cx="12" cy="12" r="3.6" />
        <path d="M15.6 8.4v4.9a2.4 2.4 0 0 0 4.9 0V12a8.5 8.5 0 1 0-3.4 6.8" />
      </>,
    ),
  back: () => line(<path d="M14.5 5.5 8 12l6.5 6.5" />),
  bell: () => line(<path d="M6.5 16.500V11a5.5 5.5 0 0 1 11 0v5.500l1.5 1.500H5zM10 20.500h4" />),
  bellOff: () =>
    line(<path d="m4 4 16 16M9 6.400A5.5 5.5 0 0 1 17.5 11v3M6.7 9.5 6.5 11v5.500L5 18h12.500M10 20.500h4" />),
  block: () =>
    line(
      <>
        <circle cx="12" cy="12" r="8.5" />
        <path d="m6 6 12 12" />
      </>,
    ),
  bold: () => line(<path d="M7.5 5h5.2a3.4 3.4 0 0 1 0 6.8H7.5zm0 6.8h6a3.6 3.6 0 0 1 0 7.2h-6z" />),
  check: () => line(<path d="m5 12.5 4.5 4.5L19 7.5" />),
  clip: () =>
    line(
      <path d="m19 11-7.2 7.2a4.3 4.3 0 0 1-6.1-6.1l7.6-7.6a2.9 2.9 0 0 1 4.1 4.1l-7.5 7.5a1.4 1.4 0 0 1-2-2l6.7-6.7" />,
    ),
  close: () => line(<path d="m6.5 6.5 11 11m0-11-11 11" />),
  code: () => line(<path d="m8.5 7-5 5 5 5m7-10 5 5-5 5" />),
  codeBlock: () =>
    line(
      <>
        <rect x="3.5" y="4.5" width="17" height="15" rx="3" />
        <path d="m9.5 9.5-2.5 2.5 2.5 2.5m5-5 2.5 2.5-2.5 2.5" />
      </>,
    ),
  compact: () => line(<path d="M4 6h16M4 10h16M4 14h16M4 18h16" />),
  copy: () =>
    line(
      <>
        <rect x="8.5" y="8.5" width="11" height="11" rx="2.5" />
        <path d="M15.5 5.5a2 2 0 0 0-2-2h-7a3 3 0 0 0-3 3v7a2 2 0 0 0 2 2" />
      </>,
    ),
  down: () => line(<path d="M12 5v14m-6-6 6 6 6-6" />),
  download: () => line(<path d="M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14" />),
  edit: () => line(<path d="m4.5 19.5 1-4L16 5a2.1 2.1 0 0 1 3 3L8.5 18.5zM14 7l3 3" />),
  eyeOff: () =>
    line(
      <path d="m4 4 16 16M9.5 5.800A9 9 0 0 1 21 12a12 12 0 0 1-2.3 3M6.4 7.200A11.5 11.5 0 0 0 3 12c1.5 3.7 4.8 6.5 9 6.500a9 9 0 0 0 4-.9M10 10a2.9 2.9 0 0 0 4 4" />,
    ),
  file: () =>
    line(
      <>
        <path d="M6.5 3.5h7l5 5v10a2 2 0 0 1-2 2h-10a2 2 0 0 1-2-2v-13a2 2 0 0 1 2-2z" />
        <path d="M13 3.5V9h5.5" />
      </>,
    ),
  forward: () => line(<path d="M13.5 5.5 20 12l-6.5 6.5V14c-4.4 0-7.3 1.2-9.5 4.5C4.3 13 7.5 9.8 13.5 9.5z" />),
  flag: () => line(<path d="M6 21V4.5h11.5L15 9l2.5 4.5H6" />),
  format: () => line(<path d="m4 18 4.8-12h1.4L15 18M5.8 14h7.4M16.5 18l2-5h1l2 5m-4.2-1.8h3.4" />),
  group: () =>
    line(
      <>
        <circle cx="9" cy="8.5" r="3.3" />
        <path d="M3 19c.4-3.4 2.8-5.2 6-5.2s5.6 1.8 6 5.2M15.5 5.5a3.3 3.3 0 0 1 0 6M17.5 14.3c2 .8 3.2 2.4 3.5 4.7" />
      </>,
    ),
  history: () =>
    line(
      <>
        <path d="M5 12a7.3 7.3 0 1 1 2.2 5.2M5 12l-2-2m2 2 2.2-2" />
        <path d="M12 8v4.3l2.8 1.7" />
      </>,
    ),
  image: () =>
    line(
      <>
        <rect x="3.5" y="4.5" width="17" height="15" rx="3" />
        <circle cx="9" cy="10" r="1.6" />
        <path d="m4 17 4.5-4 3.5 3 4-4.5 4.5 4.5" />
      </>,
    ),
  info: () =>
    line(
      <>
        <circle cx="12" cy="12" r="8.5" />
        <path d="M12 11.2v5M12 8v.1" />
      </>,
    ),
  italic: () => line(<path d="M10.5 5h6m-9 14h6m.5-14-4 14" />),
  key: () =>
    line(
      <>
        <circle cx="8.5" cy="15.5" r="4" />
        <path d="m11.5 12.5 8-8m-3.5 3.5 2.5 2.5" />
      </>,
    ),
  keyboard: () =>
    line(
      <>
        <rect x="3" y="6" width="18" height="12" rx="2.5" />
        <path d="M7 10v.1m3.3-.1v.1m3.4-.1v.1M17 10v.1M8 14h8" />
      </>,
    ),
  leave: () => line(<path d="M10 4.5H6.5a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2H10M15 8l4 4-4 4m4-4H9.5" />),
  link: () =>
    line(
      <path d="M10.5 13.5a3.8 3.8 0 0 0 5.4 0l3-3a3.8 3.8 0 0 0-5.4-5.4l-1 1m1 4.4a3.8 3.8 0 0 0-5.4 0l-3 3a3.8 3.8 0 0 0 5.4 5.4l1-1" />,
    ),
  list: () =>
    line(
      <>
        <path d="M9.5 6.5H20M9.5 12H20M9.5 17.5H20" />
        <path d="M5 6.5v.1M5 12v.1m0 5.4v.1" class="dots" />
      </>,
    ),
  lock: () =>
    line(
      <>
        <rect x="5" y="10.5" width="14" height="9.5" rx="2.5" />
        <path d="M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5" />
      </>,
    ),
  moon: () => line(<path d="M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7z" />),
  more: () => line(<path d="M5.5 12v.1M12 12v.1m6.5-.1v.1" class="dots" />),
  pin: () => line(<path d="M9 4h6l-.7 6.3 3.2 3.2v1.5h-11v-1.5l3.2-3.2zm3 11v5.5" />),
  react: () =>
    line(
      <>
        <path d="M15.5 4.7A8.5 8.5 0 1 0 19.8 10M18.5 2.5v5M16 5h5" />
        <path d="M8 14.3a4.3 4.3 0 0 0 7 0M9 9.6v.4m5.2-.4v.4" />
      </>,
    ),
  quote: () => line(<path d="M5 5v14M10 7h9.5M10 12h9.5M10 17h6" />),
  remove: () => line(<path d="M5 12h14" />),
  reply: () => line(<path d="M10.5 5.5 4 12l6.5 6.5V14c4.4 0 7.3 1.2 9.5 4.5-.3-5.5-3.5-8.7-9.5-9z" />),
  retry: () => line(<path d="M19 12a7 7 0 1 1-2.3-5.2L19 9m0-4.5V9h-4.5" />),
  rows: () => line(<path d="M4 6h16M4 12h16M4 18h16" />),
  search: () =>
    line(
      <>
        <circle cx="10.5" cy="10.5" r="6" />
        <path d="m15 15 5 5" />
      </>,
    ),
  select: () =>
    line(
      <>
        <rect x="4" y="4" width="16" height="16" rx="4.5" />
        <path d="m8.3 12.3 2.6 2.6 4.8-5.4" />
      </>,
    ),
  send: () => line(<path d="M4.5 11 20 4l-5.5 16-3.5-6.5zm6.5 2.5L20 4" />),
  screen: () =>
    line(
      <>
        <rect x="3.5" y="4.5" width="17" height="12" rx="2.5" />
        <path d="M9 20h6m-3-3.5V20" />
      </>,
    ),
  shield: () => line(<path d="M12 3.5 19 6v5.5c0 4.2-2.8 7.5-7 9-4.2-1.5-7-4.8-7-9V6zm-3 8.3 2.2 2.2 3.9-4" />),
  sliders: () => line(<path d="M4 8h8m4 0h4M4 16h4m4 0h8M14 6v4m-4 4v4" />),
  smile: () =>
    line(
      <>
        <circle cx="12" cy="12" r="8.5" />
        <path d="M8.5 14.2a4.3 4.3 0 0 0 7 0M9.2 9.6v.4m5.6-.4v.4" />
      </>,
    ),
  strike: () =>
    line(
      <path d="M16.5 7.8C16 6 14.3 5 12.1 5 9.6 5 7.8 6.2 7.8 8.3c0 1.5 1 2.6 3 3.2M4 12h16m-12.5 4c.5 1.9 2.2 3 4.7 3s4.3-1.2 4.3-3.300c0-.9-.3-1.7-1-2.3" />,
    ),
  sun: () =>
    line(
      <>
        <circle cx="12" cy="12" r="3.8" />
        <path d="M12 2.8v2m0 14.4v2M2.8 12h2m14.4 0h2M5.5 5.5l1.4 1.4m10.2 10.2 1.4 1.4m0-13-1.4 1.4M6.9 17.1l-1.4 1.4" />
      </>,
    ),
  trash: () =>
    line(
      <path d="M4.5 6.5h15M9.5 6V4.5h5V6M6.5 6.5l.8 11.6a2 2 0 0 0 2 1.9h5.4a2 2 0 0 0 2-1.9l.8-11.6M10 10.5v5.5m4-5.5v5.5" />,
    ),
  unread: () =>
    line(
      <>
        <path d="M13 5.500H7a3 3 0 0 0-3 3v6a3 3 0 0 0 3 3h1.500V21l4.5-3.500h4a3 3 0 0 0 3-3V12" />
        <circle cx="18.5" cy="6" r="2.3" fill="currentColor" />
      </>,
    ),
  user: () =>
    line(
      <>
        <circle cx="12" cy="8" r="3.8" />
        <path d="M4.5 20c.5-4 3.5-6 7.5-6s7 2 7.5 6" />
      </>,
    ),
};

/** Each access makes a new element: Preact would keep the last render that a shared one was a part of. */
export const icons = Object.defineProperties(
  {},
  Object.fromEntries(Object.entries(shapes).map(([name, get]) => [name, { get, enumerable: true }])),
) as Readonly<Record<keyof typeof shapes, VNode>>;

/** The mark of the application. */
export const Logo = () =>
  logoUrl ? <img class="logo" src={logoUrl} alt="" referrerpolicy="no-referrer" /> : <OwnLogo />;

const OwnLogo = () => (
  <svg class="logo" viewBox="0 0 64 64" aria-hidden="true">
    <rect width="64" height="64" rx="18" class="ground" />
    <path d="M13 28.5A12.5 12.5 0 0 1 25.5 16h13a12.5 12.5 0 0 1 0 25H29l-9.5 8.5v-9.7A12.5 12.5 0 0 1 13 28.5z" />
    <circle cx="25" cy="28.5" r="2.3" class="ground" />
    <circle cx="32" cy="28.5" r="2.3" class="ground" />
    <circle cx="39" cy="28.5" r="2.3" class="ground" />
  </svg>
);
