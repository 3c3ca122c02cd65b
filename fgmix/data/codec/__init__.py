"""From the bytes of an image file to pixels: one decode path for everything."""
