"""Scenarios that have the same results over both transports."""
