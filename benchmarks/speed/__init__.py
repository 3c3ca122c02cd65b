"""The speed of training, reading and serving."""
