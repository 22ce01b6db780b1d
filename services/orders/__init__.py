"""Orders: list, detail, search, daily revenue, create."""
