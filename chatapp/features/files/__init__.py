"""Uploads, their storage, and their download by members."""
