"""How a user says what is to become of a norm: as arguments in Python, or as options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """The remedies of what cannot be replaced as it is.

    Args:
        insert: How to put norms where there are none.
        also: How to say where the features of a class lie, of its name and the axis.
        keep: How to leave the norms of a class alone, of its name.
    """

    insert: str
    also: Callable[[str, str], str]
    keep: Callable[[str], str]

    def also_one_of(self, kind: str, axes: Sequence[str], held: Sequence[str]) -> str:
        """How to have the norms of a class replaced, where their features may lie so or so."""
        places = {
            "last": "where they are the last dimension",
            "first": "where they follow the batch",
        }
        options = [self.also(kind, axis) for axis in axes]
        if len(options) > 1:
            options = [f"{option} {places[a]}" for option, a in zip(options, axes, strict=True)]
        kept = f", with its {', '.join(held)} after the new norm" if held else ""
        return f"give {' or '.join(options)} to replace it{kept}"


IN_PYTHON = Advice(
    "give insert=True to put norms after its convolutions and linear layers",
    lambda kind, axis: f"also={{{kind}: {axis!r}}}",
    lambda kind: f"keep=[{kind}]",
)
ON_COMMAND_LINE = Advice(
    "give --insert to put norms behind its layers",
    lambda kind, axis: f"--also {kind}={axis}",
    lambda kind: f"--keep {kind}",
)
