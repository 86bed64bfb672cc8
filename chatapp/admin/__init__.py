"""What administrators of this server do."""
