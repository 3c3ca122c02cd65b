"""One page on finished runs, for a person: how good, whether the attention helps, where it fails."""
