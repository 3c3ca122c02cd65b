"""The built-in data set `demo`, drawn by the program."""
