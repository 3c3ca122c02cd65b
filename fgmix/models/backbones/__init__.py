"""Backbones: registry, networks and weights."""
