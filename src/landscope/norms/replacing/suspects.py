"""Which classes call themselves a norm: by a word of the name, and by holding no weight matrix.

``EvoNorm2dS0``, ``InPlaceABN`` and ``GRN`` do; ``Normalize``, ``NormalDistribution`` and a layer
with normalised weights do not.
"""

import re

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[a-z]*")
_ENDS_AS_NORM = re.compile(r"norm\d*d?$", re.IGNORECASE)
_NORM_WORDS = {"norm", "renorm", "bn", "abn", "ibn", "ln", "gn", "grn", "frn"}
_NORM_IF_TRAINED = {"normalization", "normalisation"}
"""A transform of images has this name too, and nothing to train."""


def calls_itself_a_norm(module: nn.Module) -> bool:
    """Whether the name of its class says so, and it is no layer with weights."""
    name = type(module).__name__
    words = {word.lower() for word in _WORDS.findall(name)}
    parameters = list(module.parameters())
    named = words & _NORM_WORDS or _ENDS_AS_NORM.search(name)
    named = named or (parameters and words & _NORM_IF_TRAINED)
    return bool(named) and not any(map(_is_matrix, parameters))


def _is_matrix(parameter: Tensor) -> bool:
    return not is_lazy(parameter) and sum(size > 1 for size in parameter.shape) > 1
