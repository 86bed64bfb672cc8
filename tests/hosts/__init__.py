"""Tests with several machines, each a network namespace, whose connections are cut. Needs Linux, root and `ip`."""
