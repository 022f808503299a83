"""Measures: pure functions of tensors, each a definition that is cited by number."""
