"""Accounts' way in: register, login, silent refresh, logout."""
