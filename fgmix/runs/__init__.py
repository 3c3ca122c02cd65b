"""A run's folder: written in one place, read in one place."""
