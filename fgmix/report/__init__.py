"""One page on finished runs, for a person: how good they are, and what to make of it."""
