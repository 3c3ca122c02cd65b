"""Independent implementations to compare with fgmix."""
