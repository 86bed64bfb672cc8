import { locale } from "../texts";

const DAY_SECONDS = 86_400;

/** A time with its date, as short as the language of the page writes it. */
export const dateTimeOf = (iso: string) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));

/** A time with its date and seconds. */
export const exactTimeOf = (iso: string) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(iso));

export const numberOf = (value: number) => new Intl.NumberFormat(locale).format(value);

/** How long something has been there, in its largest unit. */
export function ageOf(iso: string): string {
  const seconds = Math.max(0, Math.floor((Date.now() - new Date(iso).getTime()) / 1000));
  const units = [
    ["day", DAY_SECONDS],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ] as const;
  const [unit, length] = units.find(([, size]) => seconds >= size) ?? ["second", 1];
  const style = { style: "unit", unit, unitDisplay: "long" } as const;
  return new Intl.NumberFormat(locale, style).format(Math.floor(seconds / length));
}

export const milliseconds = (value: number) =>
  new Intl.NumberFormat(locale, {
    style: "unit",
    unit: "millisecond",
    unitDisplay: "short",
    maximumFractionDigits: 1,
  }).format(value);
