"""The objective: one training step held still, as a function of its parameters alone."""
