"""Tests of `make run`: it starts everything, survives faults, and leaves nothing behind."""
