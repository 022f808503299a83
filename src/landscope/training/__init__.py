"""The training loop, as a generator of views of its steps."""
