"""Moments of samples, and how far they moved; samples stand in rows, features in columns."""

import numpy as np
from scipy.stats import wasserstein_distance


def moments(samples):
    """Mean and variance of every feature over the samples (the variance divides by m)."""
    columns = [np.asarray(samples[:, j], dtype=np.float64) for j in range(samples.shape[1])]
    means = np.array([sum(column) / len(column) for column in columns])
    variances = np.array(
        [
            sum((column - mean) ** 2) / len(column)
            for column, mean in zip(columns, means, strict=True)
        ]
    )
    return means, variances


def rms_change(before, after):
    """Root of the mean over features of the squared change."""
    total = 0.0
    for a, b in zip(before, after, strict=True):
        total += (b - a) ** 2
    return (total / len(before)) ** 0.5


def wasserstein(before, after):
    """Wasserstein-1 distance between the two samples of every feature."""
    return np.array(
        [wasserstein_distance(before[:, j], after[:, j]) for j in range(before.shape[1])]
    )


def density(samples, edges):
    """Share of the samples in each bin, over the bin's width; the last bin is closed."""
    heights = []
    for k in range(len(edges) - 1):
        last = k == len(edges) - 2
        inside = sum(
            1 for x in samples if edges[k] <= x and (x < edges[k + 1] or (last and x == edges[-1]))
        )
        heights.append(inside / len(samples) / (edges[k + 1] - edges[k]))
    return np.array(heights)
