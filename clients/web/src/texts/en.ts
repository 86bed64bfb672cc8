// The English texts. Each view has its section; `plural` and `list` follow the language.
import { plural } from "./language";

export const en = {
  connection: {
    catchingUp: "Catching up…",
    offline: "You are offline.",
    sentLater: "Messages you write are sent when you are back online.",
    connecting: "Connecting…",
    tryAgain: "Try again",
  },
  common: {
    messages: (count: number) => plural(count, { one: "# message", other: "# messages" }),
  },
};
