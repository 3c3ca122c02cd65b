"""A local page to try a model: drop a photo, see its classes and where the model looked."""
