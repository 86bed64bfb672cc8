"""Register, log in, refresh tokens, log out."""
