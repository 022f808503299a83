"""Replaces every norm of a model by another: find, plan, then carry out in a copy."""
