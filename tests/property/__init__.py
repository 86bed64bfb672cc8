"""Promises that hold after any sequence of steps, looked for with Hypothesis."""
