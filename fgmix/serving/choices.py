"""The values that flags offer, listed without importing TensorFlow."""

FORMATS = ("savedmodel", "onnx", "litert")
QUANTIZATIONS = ("none", "int8")
TARGETS = ("precision", "coverage")
TOP = 5
"""The default number of labels in a prediction."""
