"""What is to be run: configuration, presets, the paper's experiments, and their execution."""
