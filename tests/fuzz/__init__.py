"""Nothing that a client can put on the wire breaks the server, reaches anyone else, or stays in its memory."""
