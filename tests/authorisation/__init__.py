"""Permissions and recipients: every route and every event, for every kind of user."""
