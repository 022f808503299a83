"""Probes: each measures one thing at a step, thin over a function of the ground floor."""
