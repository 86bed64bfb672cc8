"""What browsers are shown: the page of the Socket.IO events."""
