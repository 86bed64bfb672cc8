"""Socket.IO transport: sessions, packets, dispatch of client events."""
