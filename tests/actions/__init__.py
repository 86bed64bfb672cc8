"""Promises of actions and queries, called without a door."""
