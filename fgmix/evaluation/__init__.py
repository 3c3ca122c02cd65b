"""Evaluation of trained classifiers: metrics, learning curves and calibration."""
