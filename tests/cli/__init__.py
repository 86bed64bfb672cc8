"""What an operator does from a shell, by the real commands."""
