"""The export of records to one flat table, for pandas, R, DuckDB or a spreadsheet.

The table is long ("tidy"): one row for each number. A reading that is a list gives a row for each
of its values, distinguished by ``index`` and placed by ``coordinate``; so the table holds numbers
alone, and filters, groups and plots without unpacking. These are its columns:

| column | what it holds |
|---|---|
| run, outcome | the run's id, and finished, diverged or unfinished |
| step, probe, quantity, layer | what was measured, and when; no layer for the whole network |
| index | place in the list, from 0; nothing for a single number |
| axis, axis_unit, coordinate | the list's coordinates, where it has any |
| coordinate_end | the right edge of a histogram's bin, whose left one is coordinate |
| value, unit, status, function, seconds | as in ``landscope.reading.Reading`` |
| config_... | one column for each field of the run's configuration; lists and tables as JSON |

Without times, ``seconds`` and whatever else a clock measured is left out: two studies that were
run alike then give the same bytes, stopped on the way or not.

In CSV, a text that a spreadsheet would take for a formula has an apostrophe before it, as in
``'=1+1``: whoever names a layer must not compute on the machine of whoever opens the table. Numbers
and Parquet are as they are.

NaN and the infinities stay what they are; where there is nothing, the cell is empty. ``seconds``
is shared by all readings of one probe at one step: take it once for each, do not add its rows up.
"""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from landscope.errors import RecordError, UsageError
from landscope.files import expanded
from landscope.reading import Reading
from landscope.runs.body import number_to_json
from landscope.runs.disk import whole_file
from landscope.runs.run_records import RunRecords

Cell = str | int | float | bool | None
Kind = Literal["text", "whole", "number", "truth"]

_COLUMNS: dict[str, Kind] = {
    "run": "text",
    "outcome": "text",
    "step": "whole",
    "probe": "text",
    "quantity": "text",
    "layer": "text",
    "index": "whole",
    "axis": "text",
    "axis_unit": "text",
    "coordinate": "number",
    "coordinate_end": "number",
    "value": "number",
    "unit": "text",
    "status": "text",
    "function": "text",
    "seconds": "number",
}
_BATCH_ROWS = 50_000
_BATCH_LETTERS = 2**22
_ROW_LETTERS = 2**16
"""In one row at most; a text of a megabyte in each of a million rows would fill any disk."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a cell begins that Excel, LibreOffice or Sheets may compute, as OWASP lists them."""


def export_table(
    runs: Iterable[RunRecords], path: str | os.PathLike[str], *, times: bool = True
) -> int:
    """Writes the readings of runs as one table, completely or not at all.

    Args:
        runs: Such as ``read_study(folder).runs.values()``.
        path: Ends in ``.csv`` or ``.parquet``; a file that is there is replaced.
        times: Whether to include what a clock measured.

    Returns:
        The number of rows.

    Raises:
        UsageError: The path has another ending, or Parquet is asked for without pyarrow.
        RecordError: A journal is damaged, or a row would be longer than a table can hold.
        StorageError: The file cannot be written.
    """
    path = expanded(path)
    write = _writer_for(path)
    columns, rows = _table(list(runs), times=times)
    if not times:
        timed = list(columns).index("seconds")
        del columns["seconds"]
        rows = ((*row[:timed], *row[timed + 1 :]) for row in rows)
    with whole_file(path) as temporary:
        return write(temporary, columns, rows)


def frame(runs: Iterable[RunRecords]) -> Any:
    """The readings of runs as a data frame, with the columns and the rows of ``export_table``.

    Texts are objects, whole numbers and truths may be missing, and a number that is missing is NaN.

    Returns:
        A ``pandas.DataFrame``.

    Raises:
        UsageError: The package pandas is not installed.
        RecordError: A journal is damaged, or a row would be longer than a table can hold.
    """
    try:
        pandas: Any = import_module("pandas")
    except ImportError as error:
        raise UsageError(
            "to_frame()",
            "a data frame needs the package pandas, which is not installed",
            "install it with `pip install 'landscope[pandas]'`, or export to .csv",
        ) from error
    columns, rows = _table(list(runs), times=True)
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    types = {"text": "object", "whole": "Int64", "number": "float64", "truth": "boolean"}
    return pandas.DataFrame(
        {
            name: pandas.Series(column, dtype=types[kind])
            for (name, kind), column in zip(columns.items(), cells, strict=True)
        }
    )


_Writer = Callable[[Path, dict[str, Kind], Iterator[tuple[Cell, ...]]], int]


def _writer_for(path: Path) -> _Writer:
    ending = path.suffix.lower()
    if ending == ".csv":
        return _write_csv
    if ending != ".parquet":
        raise UsageError(
            str(path), "a table is a .csv or a .parquet file", "give the name one of these endings"
        )
    try:
        import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            str(path),
            "Parquet needs the package pyarrow, which is not installed",
            "install it with `pip install 'landscope[parquet]'`, or export to .csv",
        ) from error
    return _write_parquet


def _table(
    runs: Sequence[RunRecords], *, times: bool
) -> tuple[dict[str, Kind], Iterator[tuple[Cell, ...]]]:
    columns: dict[str, Kind] = {**_COLUMNS, **_config_columns(runs)}
    return columns, _rows(runs, columns, times=times)


def _config_columns(runs: Sequence[RunRecords]) -> dict[str, Kind]:
    """A column for each field that any configuration has, of a kind that holds all its values."""
    configs = [run.manifest.config for run in runs]
    names = dict.fromkeys(name for config in configs for name in config)
    return {f"config_{name}": _kind_of([each.get(name) for each in configs]) for name in names}


def _kind_of(values: Iterable[Any]) -> Kind:
    there = [value for value in values if value is not None]
    if any(type(value) is int and not -(2**63) <= value < 2**63 for value in there):
        return "text"
    types = {type(value) for value in there}
    if types == {bool}:
        return "truth"
    if types == {int}:
        return "whole"
    if types and types <= {int, float}:
        return "number"
    return "text"


def _config_cell(value: Any, kind: Kind) -> Cell:
    if value is None or (kind == "text" and isinstance(value, str)):
        return value
    if kind == "text":
        return json.dumps(value)
    return float(value) if kind == "number" else value


def _rows(
    runs: Sequence[RunRecords], columns: Mapping[str, Kind], *, times: bool
) -> Iterator[tuple[Cell, ...]]:
    columns = dict(columns)
    names = [name for name in columns if name not in _COLUMNS]
    for run in runs:
        config = tuple(
            _config_cell(run.manifest.config.get(name.removeprefix("config_")), columns[name])
            for name in names
        )
        ended = run.outcome.status
        taken = _letters(config)
        for reading in run.all_readings:
            if reading.is_timed and not times:
                continue
            for number, row in enumerate(_rows_of(reading)):
                # All rows of a reading have the same texts.
                if number == 0 and taken + _letters(row) > _ROW_LETTERS:
                    raise RecordError(
                        f"{reading.quantity} by {reading.probe} of run {run.id}",
                        f"a row of a table has at most {_ROW_LETTERS} letters",
                        "read it with landscope.Run, and make the configuration's texts shorter",
                    )
                yield (run.id, ended, *row, *config)


def _letters(cells: Iterable[Cell]) -> int:
    return sum(len(cell) for cell in cells if isinstance(cell, str))


def _rows_of(reading: Reading) -> Iterator[tuple[Cell, ...]]:
    """The columns from step to seconds, for each number of a reading."""
    axis, value = reading.axis, reading.value
    what = (reading.step, reading.probe, reading.quantity, reading.layer)
    how = (reading.unit, str(reading.status), str(reading.function), reading.seconds)
    if not isinstance(value, tuple):
        yield (*what, None, None, None, None, None, value, *how)
        return
    for index, number in enumerate(value):
        if axis is None:
            yield (*what, index, None, None, None, None, number, *how)
            continue
        end = axis.values[index + 1] if len(axis.values) > len(value) else None
        yield (*what, index, axis.name, axis.unit, axis.values[index], end, number, *how)


def _write_csv(path: Path, columns: dict[str, Kind], rows: Iterator[tuple[Cell, ...]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(map(_csv_cell, columns))
        for row in rows:
            writer.writerow(map(_csv_cell, row))
            count += 1
    return count


def _batches(rows: Iterator[tuple[Cell, ...]]) -> Iterator[list[tuple[Cell, ...]]]:
    """Rows in batches of a size that memory holds, however long their texts are."""
    batch: list[tuple[Cell, ...]] = []
    letters = 0
    for row in rows:
        batch.append(row)
        letters += _letters(row)
        if len(batch) >= _BATCH_ROWS or letters >= _BATCH_LETTERS:
            yield batch
            batch, letters = [], 0
    if batch:
        yield batch


def _csv_cell(cell: Cell) -> Cell:
    """A number as JSON writes it; a text that no spreadsheet takes for a formula."""
    if isinstance(cell, float):
        return number_to_json(cell)
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _write_parquet(path: Path, columns: dict[str, Kind], rows: Iterator[tuple[Cell, ...]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "text": pa.string(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        for batch in _batches(rows):
            cells = [
                pa.array(column, type=field.type)
                for column, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(cells, schema=schema))
            count += len(batch)
    return count
