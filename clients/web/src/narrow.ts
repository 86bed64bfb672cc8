/** Below this width the list and the chat take turns. */
export const NARROW = "(width < 48rem)";
