"""People: profiles and search."""
