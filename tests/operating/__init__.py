"""The server in production: several workers, behind nginx with TLS."""
