"""What `make run` promises: everything is started, survives what can be survived, and leaves nothing behind."""
