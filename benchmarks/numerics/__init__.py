"""Numerical errors and repeatability."""
