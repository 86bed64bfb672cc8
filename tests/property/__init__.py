"""Invariants that hold after any sequence of operations, tested with Hypothesis."""
