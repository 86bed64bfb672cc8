"""The web client, used by people in real browsers."""
