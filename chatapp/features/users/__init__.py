"""User profiles and search."""
