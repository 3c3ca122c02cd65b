"""Grids of runs: planned, trained side by side on one host or many, and summed up."""
