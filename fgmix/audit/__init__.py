"""Audits of data sets: unreadable files, duplicates, small classes, label issues."""
