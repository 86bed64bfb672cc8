"""The checks of the public test suites of both protocols, adapted to this server; see docs/protocol.md."""
