"""How much memory fgmix takes, and whether it grows."""
