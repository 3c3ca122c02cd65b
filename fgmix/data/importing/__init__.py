"""Imports photos as people bring them into a folder that fgmix reads: all of `import`."""
