"""Smaller copies of large images, to train on."""
