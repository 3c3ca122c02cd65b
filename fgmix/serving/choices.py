"""What flags offer, where TensorFlow need not be imported to list it."""

FORMATS = ("savedmodel", "onnx")
TARGETS = ("precision", "coverage")
TOP = 5
"""How many labels an answer holds unless told otherwise."""
