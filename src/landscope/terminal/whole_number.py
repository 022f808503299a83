"""Whole numbers on the command line, read strictly: cyclopts would round ``1.5`` to 2."""

import re
from collections.abc import Sequence
from typing import Any, get_origin

from cyclopts import Token
from cyclopts.exceptions import CoercionError

_DIGITS = re.compile(r"[+-]?[0-9]{1,100}")  # more would only take time to read


def whole_numbers(type_: Any, tokens: Sequence[Token]) -> Any:
    """Converter of cyclopts: the number, or a tuple of them where ``type_`` is one.

    Raises:
        CoercionError: One of them is no whole number.
    """
    for token in tokens:
        if not _DIGITS.fullmatch(token.value):
            raise CoercionError(token=token, target_type=int)
    numbers = tuple(int(token.value) for token in tokens)
    return numbers if get_origin(type_) is tuple else numbers[0]
