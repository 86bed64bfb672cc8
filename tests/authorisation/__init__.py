"""Who may do what, and who hears what: every route and every event, and everybody there is."""
