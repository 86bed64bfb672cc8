"""Direct chats, groups, and their members."""
