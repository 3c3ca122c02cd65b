"""The values that flags offer, listed without importing TensorFlow."""

FORMATS = ("savedmodel", "onnx")
TARGETS = ("precision", "coverage")
TOP = 5
"""The default number of labels in a prediction."""
