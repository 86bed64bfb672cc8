"""Online status and typing notifications."""
