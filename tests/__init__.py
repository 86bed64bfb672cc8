"""The promises of the product, tested through its public doors."""
