"""Auditing a data set: bad files, duplicates, small classes, label issues."""
