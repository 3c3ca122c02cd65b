"""Manifests: tables that name photos, their labels and, if they like, their splits."""
