import { s } from "../texts/settings";
import { optionsOf, Select } from "../ui/select";
import { Loading, Switch, useSettings } from "./parts";

/** What others see of the user, and who can reach them. Each change is saved at once. */
export function Privacy() {
  const { settings, change } = useSettings();
  if (!settings) return <Loading />;
  const toggle = (name: "readReceipts" | "typing" | "findable" | "forwards", hint?: string) => (
    <Switch
      label={s.privacy[name]}
      {...(hint && { hint })}
      isOn={settings[name]}
      onChange={(isOn) => change({ [name]: isOn })}
    />
  );
  return (
    <>
      <Select
        label={s.privacy.lastSeen}
        hint={s.privacy.lastSeenHint}
        value={settings.lastSeen}
        options={optionsOf(s.privacy.lastSeenBy)}
        onChange={(lastSeen) => change({ lastSeen })}
      />
      <Select
        label={s.privacy.directFrom}
        value={settings.directFrom}
        options={optionsOf(s.privacy.directFromBy)}
        onChange={(directFrom) => change({ directFrom })}
      />
      {toggle("readReceipts", s.privacy.readReceiptsHint)}
      {toggle("typing")}
      {toggle("findable", s.privacy.findableHint)}
      {toggle("forwards", s.privacy.forwardsHint)}
    </>
  );
}
