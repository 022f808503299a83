"""The relative update: ``||update|| / ||theta||``, and what is said of it."""

KEY = ("update", "relative_update")

USUAL = 1e-3
"""About what a healthy training has, by the heuristic of the reference."""

REFERENCE = (
    'CS231n, notes "Neural Networks Part 3: Learning and Evaluation", section "Ratio of '
    'weights:updates"'
)
