"""Tests with kills and outages."""
