"""The same things written independently of fgmix, to compare with."""
