import { useState } from "preact/hooks";
import { has } from "../features";
import { canNotify, isOn, turn } from "../notifications/device";
import { play } from "../notifications/sound";
import { s } from "../texts/settings";
import { optionsOf, Select } from "../ui/select";
import { Loading, Switch, useSettings } from "./parts";

/** Which messages notify the user, on all devices, and how this browser does it. */
export function Notifications() {
  return (
    <>
      {has("settings") && <Level />}
      <section class="device">
        <h3>{s.notifications.thisBrowser}</h3>
        <Shown />
        <DeviceSwitch name="sound" label={s.notifications.sound} onOn={play} />
      </section>
    </>
  );
}

function Level() {
  const { settings, change } = useSettings();
  if (!settings) return <Loading />;
  return (
    <Select
      label={s.notifications.level}
      hint={s.notifications.levelHint}
      value={settings.notify}
      options={optionsOf(s.notifications.levels)}
      onChange={(notify) => change({ notify })}
    />
  );
}

/** The browser asks only when the user wants it to. */
function Shown() {
  const [permission, setPermission] = useState(() => (canNotify() ? Notification.permission : null));
  if (permission === null) return <p class="quiet">{s.notifications.unsupported}</p>;
  if (permission === "denied") return <p class="quiet">{s.notifications.denied}</p>;
  if (permission === "granted") {
    return <DeviceSwitch name="notifications" label={s.notifications.show} hint={s.notifications.showHint} />;
  }
  const allow = async () => {
    turn("notifications", true);
    setPermission(await Notification.requestPermission());
  };
  return (
    <button type="button" class="button" onClick={() => void allow()}>
      {s.notifications.allow}
    </button>
  );
}

interface DeviceSwitchProps {
  name: "notifications" | "sound";
  label: string;
  hint?: string;
  onOn?: () => void;
}

function DeviceSwitch({ name, label, hint, onOn }: DeviceSwitchProps) {
  const [on, setOn] = useState(() => isOn(name));
  const change = (next: boolean) => {
    turn(name, next);
    setOn(next);
    if (next) onOn?.();
  };
  return <Switch label={label} {...(hint && { hint })} isOn={on} onChange={change} />;
}
