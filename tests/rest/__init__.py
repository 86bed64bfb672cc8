"""Promises of the REST door."""
