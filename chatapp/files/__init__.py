"""Files: taken in, kept, handed out to those who may have them."""
