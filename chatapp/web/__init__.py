"""Web pages: the web client, the documentation of events and of error codes."""
