"""The memory of fgmix, and whether it grows."""
