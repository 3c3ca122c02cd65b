"""Statistical comparison of groups of runs: differences, intervals, tests and power."""
