"""The rows of a run of W&B, from the file that it writes where it is offline.

The file is a log in blocks of 32 KiB. A record is a checksum, a length, a kind and a piece of a
protocol buffer: whole, first, middle or last. It begins with a header of seven bytes.
"""

import json
import struct

from wandb.proto.wandb_internal_pb2 import Record

_HEADER, _BLOCK, _PIECE = 7, 32 * 1024, struct.Struct("<IHB")
_WHOLE, _LAST = 1, 4


def records_of(path):
    """Every record, in the order of the file."""
    data, at, pieces = path.read_bytes(), _HEADER, b""
    while at + _PIECE.size <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _PIECE.size:
            at += left
            continue
        _, length, kind = _PIECE.unpack_from(data, at)
        at += _PIECE.size
        pieces += data[at : at + length]
        at += length
        if kind in (_WHOLE, _LAST):
            record = Record()
            record.ParseFromString(pieces)
            pieces = b""
            yield record


def rows_of(path):
    """Each row of the history, without what W&B adds to it; and its own step."""
    for record in records_of(path):
        if record.WhichOneof("record_type") != "history":
            continue
        row = {
            item.key or "|".join(item.nested_key): json.loads(item.value_json)
            for item in record.history.item
        }
        yield row.pop("_step"), {name: x for name, x in row.items() if not name.startswith("_")}


def axes_of(path):
    """For each pattern of names, the name of the axis of its charts."""
    metrics = [r.metric for r in records_of(path) if r.WhichOneof("record_type") == "metric"]
    return {metric.glob_name: metric.step_metric for metric in metrics if metric.glob_name}
