import type { ComponentType, VNode } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { has, useFeatures } from "../features";
import { t } from "../texts";
import { loadSettingsTexts, s } from "../texts/settings";
import { Dialog } from "../ui/dialog";
import { icons } from "../ui/icons";
import { Blocked } from "./blocked";
import { Notifications } from "./notifications";
import { Privacy } from "./privacy";
import { Security } from "./security";
import "./settings.css";

await loadSettingsTexts();

type PageName = keyof typeof s.pages;

const PAGES: Readonly<Record<PageName, { icon: () => VNode; component: ComponentType; isOffered: () => boolean }>> = {
  notifications: { icon: () => icons.bell, component: Notifications, isOffered: () => true },
  privacy: { icon: () => icons.shield, component: Privacy, isOffered: () => has("settings") },
  blocked: { icon: () => icons.block, component: Blocked, isOffered: () => has("blocking") },
  security: { icon: () => icons.lock, component: Security, isOffered: () => true },
};
const STEPS: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };

/** The dialog with the user's settings: one stop of the Tab key for its pages, and the arrow keys go through them. */
export function Settings({ onClose }: { onClose: () => void }) {
  useFeatures();
  const [current, setCurrent] = useState<PageName>("notifications");
  const id = useId();
  const tabs = useRef<HTMLDivElement>(null);
  const { component: Page } = PAGES[current];
  const names = (Object.keys(PAGES) as PageName[]).filter((name) => PAGES[name].isOffered());
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    const at = names.indexOf(current);
    const goal = { Home: 0, End: names.length - 1 }[event.key] ?? (step && (at + step + names.length) % names.length);
    if (goal === undefined) return;
    event.preventDefault();
    setCurrent(names[goal]!);
    tabs.current?.querySelectorAll<HTMLElement>("[role=tab]")[goal]?.focus();
  };
  return (
    <Dialog title={t.sidebar.settings} class="settings" onClose={onClose}>
      <div ref={tabs} class="tabs" role="tablist" aria-label={t.sidebar.settings} onKeyDown={move}>
        {names.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={name === current}
            aria-controls={`${id}-page`}
            tabIndex={name === current ? 0 : -1}
            onClick={() => setCurrent(name)}
          >
            {PAGES[name].icon()}
            {s.pages[name]}
          </button>
        ))}
      </div>
      <div key={current} id={`${id}-page`} class="page" role="tabpanel" aria-labelledby={`${id}-${current}`}>
        <Page />
      </div>
    </Dialog>
  );
}
