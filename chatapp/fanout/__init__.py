"""Who is subscribed to which chat, the order of a chat's events, broadcast, and the bus between workers."""
