"""What people say in chats."""
