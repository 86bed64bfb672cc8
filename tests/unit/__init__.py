"""Promises of single functions."""
