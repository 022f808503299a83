"""Records that are whole and have the right checksums, with hostile values in them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32


def seal(content: Mapping[str, Any]) -> bytes:
    """The bytes of a manifest with its checksum, whatever it holds."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return json.dumps({**content, "crc32": f"{crc32(canonical.encode()):08x}"}).encode() + b"\n"


def reseal(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes a manifest and makes its checksum right again."""
    content = json.loads(path.read_bytes())
    del content["crc32"]
    change(content)
    path.write_bytes(seal(content))


def line(number: int, kind: str, body: str) -> bytes:
    """A line of a journal with its checksum, whatever JSON it holds."""
    head = f'{{"format":1,"line":{number},"{kind}":{body}'.encode()
    return head + f',"crc32":"{crc32(head):08x}"}}\n'.encode()


def reading(number: int, **fields: Any) -> bytes:
    """A line with a reading, some of whose fields are given."""
    body: dict[str, Any] = {
        "step": number, "probe": "training", "quantity": "train_loss", "value": 0.5, "unit": "1",
        "layer": None, "axis": None, "status": "ok", "function": "", "seconds": 0.0,
    }  # fmt: skip
    return line(number, "reading", json.dumps({**body, **fields}))


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes every reading of a journal and makes the checksums right again."""
    lines: list[bytes] = []
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        content = json.loads(text)
        kind = "reading" if "reading" in content else "finish"
        if kind == "reading":
            change(content[kind])
        lines.append(line(number, kind, json.dumps(content[kind])))
    path.write_bytes(b"".join(lines))
