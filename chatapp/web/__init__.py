"""What browsers are shown: the web client, and the page of the Socket.IO events."""
