import type { ComponentType, VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useMe } from "../client";
import { lacks, useFeatures } from "../features";
import { HOME, administrationPath } from "../route";
import { a, loadAdministrationTexts } from "../texts/administration";
import { icons } from "../ui/icons";
import "./administration.css";
import { Audit } from "./audit";
import { Keys } from "./keys";
import { type PageName, pagesOf } from "./pages";
import { Reports } from "./reports";
import { Server } from "./server";
import { Users } from "./users";

await loadAdministrationTexts();

const COMPONENTS: Readonly<Record<PageName, { icon: () => VNode; component: ComponentType }>> = {
  users: { icon: () => icons.group, component: Users },
  reports: { icon: () => icons.flag, component: Reports },
  keys: { icon: () => icons.key, component: Keys },
  audit: { icon: () => icons.rows, component: Audit },
  server: { icon: () => icons.screen, component: Server },
};

/** The pages for administrators, one of which is shown. */
export function Administration({ page }: { page: string }) {
  const me = useMe();
  useFeatures();
  const pages = pagesOf(me.role).filter((name) => name !== "reports" || !lacks("reports"));
  const current = pages.find((name) => name === page) ?? pages[0];
  const link = useRef<HTMLAnchorElement>(null);
  useLayoutEffect(() => link.current?.focus({ preventScroll: true }), []);
  // On a phone the pages are a row that scrolls.
  useLayoutEffect(() => link.current?.scrollIntoView({ block: "nearest", inline: "nearest" }), [current]);
  return (
    <div class="administration">
      <header>
        <a class="icon-button" href={HOME} aria-label={a.back}>
          {icons.back}
        </a>
        <h1>{a.title}</h1>
      </header>
      <nav aria-label={a.title}>
        <ul>
          {pages.map((name) => (
            <li key={name}>
              <a
                ref={name === current ? link : undefined}
                href={administrationPath(name)}
                aria-current={name === current ? "page" : undefined}
              >
                {COMPONENTS[name].icon()}
                {a.pages[name]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {current ? <Shown key={current} name={current} /> : <p class="none quiet">{a.forbidden}</p>}
    </div>
  );
}

function Shown({ name }: { name: PageName }) {
  const { component: Component } = COMPONENTS[name];
  return (
    // The region scrolls: a keyboard reaches it.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="page" aria-label={a.pages[name]} tabIndex={0}>
      <div class="column">
        <Component />
      </div>
    </section>
  );
}
