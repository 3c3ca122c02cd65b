"""Measurements of fgmix, with their records and tables."""
