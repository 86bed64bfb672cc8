"""The REST door: who is asking, how often, in which shape, and how the answer is written."""
