"""The basis of all features: database, errors, identity, schemas. Knows no feature and no transport."""
