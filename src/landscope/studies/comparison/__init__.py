"""Norms compared on a user's own model: training, claims and report."""
