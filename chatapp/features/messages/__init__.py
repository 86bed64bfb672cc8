"""Messages in chats."""
