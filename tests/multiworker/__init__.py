"""Tests with several workers."""
