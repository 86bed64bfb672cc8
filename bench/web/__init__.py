"""The web client in a real browser: `python -m bench.web.<module>` measures one thing each."""
