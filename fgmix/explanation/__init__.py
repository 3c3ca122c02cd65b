"""Heat maps of where a classifier looks, their figures, and measures of their quality."""
