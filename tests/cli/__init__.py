"""Tests of the commands for operators, run as processes."""
