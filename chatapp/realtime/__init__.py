"""Socket.IO transport: sessions, dispatch of client events, subscriptions and broadcast."""
