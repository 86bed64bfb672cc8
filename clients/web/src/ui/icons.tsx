import type { ComponentChildren, VNode } from "preact";

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
  back: () => line(<path d="M14.5 5.5 8 12l6.5 6.5" />),
  check: () => line(<path d="m5 12.5 4.5 4.5L19 7.5" />),
  clip: () =>
    line(
      <path d="m19 11-7.2 7.2a4.3 4.3 0 0 1-6.1-6.1l7.6-7.6a2.9 2.9 0 0 1 4.1 4.1l-7.5 7.5a1.4 1.4 0 0 1-2-2l6.7-6.7" />,
    ),
  close: () => line(<path d="m6.5 6.5 11 11m0-11-11 11" />),
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
  file: () =>
    line(
      <>
        <path d="M6.5 3.5h7l5 5v10a2 2 0 0 1-2 2h-10a2 2 0 0 1-2-2v-13a2 2 0 0 1 2-2z" />
        <path d="M13 3.5V9h5.5" />
      </>,
    ),
  group: () =>
    line(
      <>
        <circle cx="9" cy="8.5" r="3.3" />
        <path d="M3 19c.4-3.4 2.8-5.2 6-5.2s5.6 1.8 6 5.2M15.5 5.5a3.3 3.3 0 0 1 0 6M17.5 14.3c2 .8 3.2 2.4 3.5 4.7" />
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
  moon: () => line(<path d="M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7z" />),
  more: () => line(<path d="M5.5 12v.1M12 12v.1m6.5-.1v.1" class="dots" />),
  remove: () => line(<path d="M5 12h14" />),
  retry: () => line(<path d="M19 12a7 7 0 1 1-2.3-5.2L19 9m0-4.5V9h-4.5" />),
  rows: () => line(<path d="M4 6h16M4 12h16M4 18h16" />),
  search: () =>
    line(
      <>
        <circle cx="10.5" cy="10.5" r="6" />
        <path d="m15 15 5 5" />
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
export const Logo = () => (
  <svg class="logo" viewBox="0 0 64 64" aria-hidden="true">
    <rect width="64" height="64" rx="18" class="ground" />
    <path d="M13 28.5A12.5 12.5 0 0 1 25.5 16h13a12.5 12.5 0 0 1 0 25H29l-9.5 8.5v-9.7A12.5 12.5 0 0 1 13 28.5z" />
    <circle cx="25" cy="28.5" r="2.3" class="ground" />
    <circle cx="32" cy="28.5" r="2.3" class="ground" />
    <circle cx="39" cy="28.5" r="2.3" class="ground" />
  </svg>
);
