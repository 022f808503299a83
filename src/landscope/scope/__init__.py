"""The scope: attaches probes to any training loop, and keeps them to a budget of its time."""
