"""The built-in data set `demo`, which is drawn."""
