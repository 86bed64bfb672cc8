"""Promises that hold over several workers."""
