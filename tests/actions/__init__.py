"""Tests of actions and queries, called without a transport."""
