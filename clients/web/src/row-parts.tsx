// Small parts of the rows of messages. Nothing of a row is a stop of the Tab key: its menu has all actions.
import type { ComponentChild, ComponentChildren } from "preact";
import { errorText } from "./error-text";
import { clock, fullTime } from "./format";
import { icons } from "./ui/icons";

export const Clock = ({ label }: { label: string }) => (
  <span class="clock" title={label}>
    <span class="hidden">{label}</span>
  </span>
);

export const Time = ({ iso }: { iso: string }) => (
  <time dateTime={iso} title={fullTime(iso)}>
    {clock(iso)}
  </time>
);

interface IconButtonProps {
  label: string;
  icon: ComponentChild;
  /** What it opens. */
  popup?: "menu";
  onClick: (event: MouseEvent) => void;
}

export const IconButton = ({ label, icon, popup, onClick }: IconButtonProps) => (
  <button
    type="button"
    class="icon-button"
    tabIndex={-1}
    aria-label={label}
    title={label}
    aria-haspopup={popup}
    onClick={onClick}
  >
    {icon}
  </button>
);

export const LinkButton = ({ label, onClick }: { label: string; onClick: () => void }) => (
  <button type="button" class="link" tabIndex={-1} onClick={onClick}>
    {label}
  </button>
);

export const Failure = ({ text, error, children }: { text: string; error: Error; children: ComponentChildren }) => (
  <p class="failure" role="alert">
    <span>
      {icons.alert} {text} {errorText(error)}
    </span>
    {children}
  </p>
);
