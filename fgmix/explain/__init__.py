"""Where a classifier looks: heat maps, their figures and how good they are."""
