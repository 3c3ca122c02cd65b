"""Measurements of fgmix, and the records and tables of what they found."""
