"""REST transport: authentication, rate limits, validation, and responses."""
