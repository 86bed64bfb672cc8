"""What a development machine lacks, started by itself: PostgreSQL, Valkey, and the server on top of them."""
