"""Inference with a trained classifier: predictions, and exports for TensorFlow Serving and ONNX."""
