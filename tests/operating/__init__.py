"""The server as an operator runs it: production mode, several workers, behind nginx with TLS."""
