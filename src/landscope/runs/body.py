"""The body of a journal line: a reading or an outcome as plain JSON values, and back.

JSON has no NaN and no infinity. They are written as the strings ``"NaN"``, ``"Infinity"`` and
``"-Infinity"``, and such a string is a number only where a number is expected.
"""

import math
import sys
from collections.abc import Iterable
from dataclasses import fields
from numbers import Real
from typing import cast

from landscope.reading import Axis, Provenance, Reading, Status
from landscope.runs.outcome import Outcome, OutcomeStatus

_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_STATUSES = {str(status): status for status in Status}
_ENDS: dict[str, OutcomeStatus] = {"finished": "finished", "diverged": "diverged"}
_MOST = 2**63 - 1
_READING = frozenset(field.name for field in fields(Reading))
_AXIS = frozenset(field.name for field in fields(Axis))
_OUTCOME = frozenset(("status", "step", "seconds"))


class ShapeError(ValueError):
    """A value is not of the kind that a record needs at this place."""


def number_to_json(number: object) -> float | str:
    """A float, or one of the three strings where it is not finite.

    Raises:
        ShapeError: It is not a real number.
    """
    if type(number) is not float:
        if isinstance(number, bool) or not isinstance(number, Real):
            raise ShapeError(f"{number!r} is not a number")
        try:
            number = float(number)
        except OverflowError:
            raise ShapeError("an integer is too large for a float") from None
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def reading_to_json(reading: Reading) -> dict[str, object]:
    """A reading as JSON values, which ``reading_from_json`` turns into an equal reading.

    Raises:
        ShapeError: A field is not of its declared type, or the axis does not fit the value.
    """
    value, axis = reading.value, reading.axis
    body: dict[str, object] = {
        "step": reading.step,
        "probe": reading.probe,
        "quantity": reading.quantity,
        "value": _numbers_to_json(value) if isinstance(value, tuple) else number_to_json(value),
        "unit": reading.unit,
        "layer": reading.layer,
        "axis": axis
        and {"name": axis.name, "unit": axis.unit, "values": _numbers_to_json(axis.values)},
        "status": reading.status,
        "function": str(reading.function),
        "seconds": number_to_json(reading.seconds),
    }
    reading_from_json(body)  # what could not be read back is not written
    return body


def reading_from_json(body: object) -> Reading:
    """The reading that a line holds.

    Raises:
        ShapeError: It lacks a field, has one too many, or one of the wrong type.
    """
    given = _mapping(body, _READING, "a reading")
    value = given["value"]
    axis = given["axis"]
    layer = given["layer"]
    status = given["status"]
    if not isinstance(status, str) or status not in _STATUSES:
        raise ShapeError(f"its status is not one of {', '.join(_STATUSES)}")
    reading = Reading(
        step=_count(given["step"], "step"),
        probe=_text(given["probe"], "probe"),
        quantity=_text(given["quantity"], "quantity"),
        value=_numbers(value, "value") if isinstance(value, list) else _number(value, "value"),
        unit=_text(given["unit"], "unit"),
        layer=None if layer is None else _text(layer, "layer"),
        axis=None if axis is None else _axis(axis),
        status=_STATUSES[status],
        function=Provenance.parse(_text(given["function"], "function")),
        seconds=_number(given["seconds"], "seconds"),
    )
    if reading.axis is not None:
        _check_axis_fits(reading.axis, reading.value)
    return reading


def outcome_to_json(outcome: Outcome) -> dict[str, object]:
    """The outcome of a run that has ended, as JSON values.

    Raises:
        ShapeError: It is unfinished, or its step or seconds are missing or negative.
    """
    body: dict[str, object] = {
        "status": outcome.status,
        "step": outcome.step,
        "seconds": number_to_json(outcome.seconds),
    }
    outcome_from_json(body)
    return body


def outcome_from_json(body: object) -> Outcome:
    """The outcome that a finish line holds.

    Raises:
        ShapeError: It lacks a field, has one too many, or one of the wrong type.
    """
    given = _mapping(body, _OUTCOME, "an outcome")
    status = given["status"]
    if not isinstance(status, str) or status not in _ENDS:
        raise ShapeError("the status of a run that has ended is finished or diverged")
    seconds = _number(given["seconds"], "seconds")
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ShapeError("its field 'seconds' is not a finite number of at least 0")
    return Outcome(_ENDS[status], step=_count(given["step"], "step"), seconds=seconds)


def _numbers_to_json(numbers: Iterable[object]) -> list[float | str]:
    return [number_to_json(number) for number in numbers]


def _mapping(body: object, keys: frozenset[str], what: str) -> dict[str, object]:
    if not isinstance(body, dict):
        raise ShapeError(f"{what} is not an object")
    given = cast(dict[str, object], body)
    if given.keys() != keys:
        odd = ", ".join(sorted(given.keys() ^ keys))
        raise ShapeError(f"{what} lacks a field or has one too many: {odd}")
    return given


def _count(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:  # arrays of steps have 64 bits
        raise ShapeError(f"its field {name!r} is not a whole number of at least 0")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ShapeError(f"its field {name!r} is not a text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ShapeError(f"its field {name!r} is not valid Unicode") from None
    return sys.intern(str(value))  # few names, in very many readings


def _number(value: object, name: str) -> float:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and value in _NONFINITE:
        return _NONFINITE[value]
    raise ShapeError(f"its field {name!r} is not a number")


def _numbers(values: object, name: str) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise ShapeError(f"its field {name!r} is not a list of numbers")
    return tuple([_number(value, name) for value in cast(list[object], values)])


def _axis(body: object) -> Axis:
    given = _mapping(body, _AXIS, "an axis")
    return Axis(
        name=_text(given["name"], "axis name"),
        unit=_text(given["unit"], "axis unit"),
        values=_numbers(given["values"], "axis values"),
    )


def _check_axis_fits(axis: Axis, value: float | tuple[float, ...]) -> None:
    if not isinstance(value, tuple):
        raise ShapeError("one number has no axis")
    if len(axis.values) - len(value) not in (0, 1):
        raise ShapeError(
            f"its axis has {len(axis.values)} coordinates for {len(value)} values,"
            " and as many or one more are right"
        )
