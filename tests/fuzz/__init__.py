"""No input from a client breaks the server, affects other clients, or stays in its memory."""
