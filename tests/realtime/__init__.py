"""Promises of the Socket.IO door."""
