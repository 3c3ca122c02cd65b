"""The paper's experiments as one command: the grid of runs, its tables and its figures."""
