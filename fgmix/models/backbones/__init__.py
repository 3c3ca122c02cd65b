"""Backbones: their registry, their networks, their weights."""
