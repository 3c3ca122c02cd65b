"""Whole jobs, from a config to a served model."""
