"""The norms that the paper compares in Figures 5, 6, 12 and 13."""

LP_NORMS = ("none", "batch", "l1", "l2", "linf")
