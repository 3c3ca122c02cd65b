"""How fast fgmix is: training, reading, serving."""
