"""Row: every prefix of every file that landscope reads, and thousands of mutations of each.

What comes back is right, or is refused by an error of landscope's own that names the file and the
place. A first part of a journal is right where it says that the run is unfinished.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

from torture import data_samples, record_samples
from torture.bars import Least, Most
from torture.damage import DAMAGES, damaged
from torture.record_samples import Make
from torture.row import Form, Found
from torture.sample import Sample

MUTATIONS = 3000
SHORT_MUTATIONS = 2 * len(DAMAGES)
ALL_PREFIXES = 2**12
"""Of a longer file as many prefixes are tried, at equal distances."""
_SHORT_PREFIXES = 30
_TOLD = 20  # failures that are kept in the results
_WORDS = 300  # letters of what one said

SAMPLES: Mapping[str, Make] = {**record_samples.SAMPLES, **data_samples.SAMPLES}


def run(form: Form, samples: Mapping[str, Make] = SAMPLES) -> Found:
    """Damage a sample of each kind in every way.

    Args:
        form: The shortened one takes few prefixes and a few mutations of each kind.
        samples: What to damage, by name.
    """
    rows: list[dict[str, str | int | float]] = []
    failures: list[dict[str, object]] = []
    for name, make in samples.items():
        folder = form.scratch / str(len(rows))
        folder.mkdir()
        row, failed = _torture(name, make(folder), form)
        rows.append(row)
        failures += failed
    least = len(DAMAGES) if form.short else MUTATIONS
    return Found(rows, _bars(rows, least), failures[:_TOLD])


def _bars(rows: list[dict[str, str | int | float]], least: int) -> list[Most]:
    def total(head: str) -> float:
        return float(sum(int(row[head]) for row in rows))

    return [
        Most("silently wrong", total("silently wrong"), 0),
        Most("tracebacks that are not landscope's own errors", total("tracebacks"), 0),
        Most("errors that do not name the file and the place", total("unnamed"), 0),
        Most("whole files that are refused", total("whole refused"), 0),
        Least("mutations of each file", min(float(row["mutations"]) for row in rows), least),
    ]


def _torture(
    name: str, sample: Sample, form: Form
) -> tuple[dict[str, str | int | float], list[dict[str, object]]]:
    """A file's line of the table, and its failures."""
    start = time.monotonic()
    whole = sample.path.read_bytes()
    verdict, said = sample.judge()
    failures: list[dict[str, object]] = []
    if verdict != "right":
        failures.append({"file": name, "damage": "none", "verdict": verdict, "said": said[:_WORDS]})
    counts: Counter[str] = Counter()
    for way, content in _all(whole, sample.other, form):
        _put(sample.path, content)
        verdict_of_it, said = sample.judge()
        counts["prefixes" if way.startswith("prefix") else "mutations"] += 1
        counts[verdict_of_it] += 1
        if verdict_of_it not in ("right", "refused"):
            failures.append(
                {"file": name, "damage": way, "verdict": verdict_of_it, "said": said[:_WORDS]}
            )
    sample.path.write_bytes(whole)
    row: dict[str, str | int | float] = {
        "file": name,
        "bytes": len(whole),
        "prefixes": counts["prefixes"],
        "mutations": counts["mutations"],
        "right": counts["right"],
        "refused": counts["refused"],
        "unnamed": counts["unnamed"],
        "tracebacks": counts["traceback"],
        "silently wrong": counts["wrong"],
        "whole refused": int(verdict != "right"),
        "seconds": round(time.monotonic() - start, 1),
    }
    return row, failures


def _all(whole: bytes, other: bytes, form: Form) -> Iterator[tuple[str, bytes]]:
    """Each damaged form of a file, with the words that tell which one it is."""
    most = _SHORT_PREFIXES if form.short else ALL_PREFIXES
    for size in range(0, len(whole), max(1, -(-len(whole) // most))):
        yield f"prefix of {size} bytes", whole[:size]
    wanted = SHORT_MUTATIONS if form.short else MUTATIONS
    done = number = 0
    while done < wanted:
        way = list(DAMAGES)[number % len(DAMAGES)]
        content = damaged(whole, other, way, Random(f"{form.seed} {number}"))
        number += 1
        if content is not None:
            done += 1
            yield f"{way}, drawn from {form.seed} {number - 1}", content


def _put(path: Path, content: bytes) -> None:
    """Writes the file anew; it need not outlive the machine."""
    path.write_bytes(content)
