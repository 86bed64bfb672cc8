"""Starts what a development machine lacks: PostgreSQL, Valkey, and the server."""
