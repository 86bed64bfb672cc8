"""Promises kept through kills and outages."""
