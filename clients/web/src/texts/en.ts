// The English texts. Each view has its section; `plural` and `list` follow the language.
import { list, plural } from "./language";

export const en = {
  connection: {
    catchingUp: "Catching up…",
    offline: "You are offline.",
    sentLater: "Messages you write are sent when you are back online.",
    connecting: "Connecting…",
    tryAgain: "Try again",
  },
  common: {
    appName: "Chat",
    loading: "Loading",
    dismiss: "Dismiss",
    deletedAccount: "Deleted account",
    messages: (count: number) => plural(count, { one: "# message", other: "# messages" }),
  },
  times: {
    online: "Online",
    offline: "Offline",
    justNow: "just now",
    lastSeen: (when: string) => `Last seen ${when}`,
    dayAtTime: (day: string, time: string) => `${day} at ${time}`,
    onDate: (date: string) => `on ${date}`,
  },
  preview: {
    deleted: "Message deleted",
    photo: "Photo",
    file: "File",
    sent: "Sent",
    delivered: "Delivered",
    read: "Read",
  },
  home: {
    noChat: "No chat",
    welcome: "Pick up a conversation",
    welcomeHint: "Choose a chat, or start a new one.",
    gone: "This chat isn't available",
    goneHint: "It was deleted, or you are no longer a member.",
    back: "Back to your chats",
    incoming: (sender: string, group: string | null, text: string) =>
      group ? `${sender} in ${group}: ${text}` : `${sender}: ${text}`,
  },
  sidebar: {
    label: "Your chats",
    heading: "Chats",
    account: (name: string) => `Account of ${name}`,
    profile: "Profile",
    theme: "Theme",
    themeSystem: "Same as system",
    themeLight: "Light",
    themeDark: "Dark",
    logOut: "Log out",
    newGroup: "New group",
    find: "Find people and chats",
    clear: "Clear",
  },
  chats: {
    list: "Chats",
    loading: "Loading your chats",
    empty: "No chats yet",
    emptyHint: "Find people by their username and say hello, or start a group.",
    findPeople: "Find people",
    noMessages: "No messages yet",
    sayHello: "Say hello",
    unread: (count: number) => plural(count, { one: "# unread message", other: "# unread messages" }),
    typing: "typing…",
    namesTyping: (names: readonly string[]) =>
      names.length > 1 ? `${list(names)} are typing…` : `${list(names)} is typing…`,
  },
  developers: {
    heading: "For developers:",
    rest: "REST API",
    events: "Socket.IO events",
  },
  search: {
    chats: "Chats",
    people: "People",
    noPeople: (query: string) => `No one found for “${query}”.`,
  },
  errors: {
    unknown: "Something went wrong. Please try again.",
    network: "The server can't be reached. Check your connection and try again.",
    loggedOut: "You are not logged in.",
    tooMany: (seconds: number) =>
      seconds < 90
        ? plural(seconds, {
            one: "Too many requests. Try again in # second.",
            other: "Too many requests. Try again in # seconds.",
          })
        : plural(Math.ceil(seconds / 60), {
            one: "Too many requests. Try again in # minute.",
            other: "Too many requests. Try again in # minutes.",
          }),
    /** By the `code` of the server's problem. */
    byCode: {
      token_invalid: "Your session has ended. Log in again.",
      token_expired: "Your session has ended. Log in again.",
      refresh_reused: "Your session has ended. Log in again.",
      invalid_credentials: "Wrong username or password.",
      forbidden: "You don't have permission to do this.",
      not_found: "This no longer exists, or you no longer have access to it.",
      conflict: "This is no longer possible.",
      email_taken: "Another account uses this e-mail address.",
      username_taken: "This username is taken.",
      not_a_group: "This is only possible in groups.",
      last_admin: "A group needs at least one admin.",
      group_full: "This group is full.",
      request_timeout: "Sending took too long. Please try again.",
      body_too_large: "This is too large to send.",
      file_too_large: "This file is too large.",
      payload_too_large: "This is too large to send.",
      unsupported_file_type: "You can't send this type of file.",
      validation_error: "Please check what you entered.",
      client_id_reused: "This message was already sent.",
      internal_error: "Something went wrong on the server. Please try again.",
      unavailable: "The server is busy. Try again in a moment.",
      busy: "The server is busy. Try again in a moment.",
      database_unavailable: "The server is busy. Try again in a moment.",
      storage_unavailable: "The server can't store files at the moment. Try again later.",
    },
  },
};
