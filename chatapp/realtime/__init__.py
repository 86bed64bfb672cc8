"""The Socket.IO door: who is asking, how often, in which shape, and who hears what happened."""
