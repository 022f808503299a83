"""The paper: its experiments, how they are trained, its figures, claims and report."""
