"""What the public test suites of both protocols look at, as this server has it; see docs/protocol.md."""
