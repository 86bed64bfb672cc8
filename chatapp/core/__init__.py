"""What every feature stands on: the database, errors, identity, schemas. Knows no feature and no transport."""
