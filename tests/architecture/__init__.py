"""Tests of the structure of code and documents."""
