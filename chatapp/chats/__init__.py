"""Conversations: direct chats and groups, and who is in them."""
