// Notifications in this browser: whether it can show them, and what the user chose for it.

/** What can be turned off. */
export type DeviceSetting = "notifications" | "sound";

const ASKED = "chat.notifications.asked";
const keyOf = (setting: DeviceSetting) => `chat.${setting}`;

export const isOn = (setting: DeviceSetting) => localStorage.getItem(keyOf(setting)) !== "off";

export function turn(setting: DeviceSetting, on: boolean): void {
  if (on) localStorage.removeItem(keyOf(setting));
  else localStorage.setItem(keyOf(setting), "off");
}

/** Whether this browser shows notifications of pages: on Android, Chrome has only those of service workers. */
export function canNotify(): boolean {
  if (!("Notification" in window) || !isSecureContext) return false;
  if (Notification.permission !== "default") return true;
  try {
    // Shows nothing without the permission.
    new Notification("");
    return true;
  } catch {
    return false;
  }
}

export const mayNotify = () =>
  "Notification" in window && Notification.permission === "granted" && isOn("notifications");

/** Ask for the permission, once: a user who dismisses the question finds it in the settings. */
export function askOnce(): void {
  if (localStorage.getItem(ASKED) || !isOn("notifications") || !canNotify()) return;
  if (Notification.permission !== "default") return;
  localStorage.setItem(ASKED, "yes");
  void Notification.requestPermission();
}
