"""The command line: flags, messages and exit codes; the work is done elsewhere."""
