// Die deutschen Texte. Angesprochen wird mit „du“.
import type { Texts } from "./index";
import { plural } from "./language";

export const de: Texts = {
  connection: {
    catchingUp: "Wird aktualisiert…",
    offline: "Du bist offline.",
    sentLater: "Deine Nachrichten werden gesendet, sobald du wieder online bist.",
    connecting: "Verbindung wird hergestellt…",
    tryAgain: "Erneut versuchen",
  },
  common: {
    messages: (count) => plural(count, { one: "# Nachricht", other: "# Nachrichten" }),
  },
};
