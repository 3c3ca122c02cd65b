"""Workflows: training, evaluation and export of a run as a whole."""
