"""The evaluation gap: what the loss of the same batch becomes in evaluation mode."""

from landscope.findings.history import History, Series
from landscope.findings.lasting import lasting

EVALUATION = 0.25
"""Excess of the loss from which on it is large: the noise of the batch's statistics alone makes a
few per cent at usual sizes, and with dropout the loss is lower in evaluation and not higher."""


def gap(history: History) -> Series:
    """Loss in evaluation mode over that in training mode, less 1."""
    return history.series("norm_health", "evaluation_gap")


def large_gap(history: History) -> Series | None:
    """The stretch over which it is large; None unless it lasts."""
    return lasting(gap(history), lambda value: value > EVALUATION)
