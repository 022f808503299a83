"""What is put in the place of a file: pickles, bombs, giants, devices, links out of the folder."""

import gzip
import io
import json
import lzma
import os
import pickle
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from torture.hostile.marks import CANARY

Payload = Callable[[Path, Path], None]
"""``payload(path, outside)``: puts itself at the path; ``outside`` holds what is not to be seen."""

TERABYTE = 2**40
_BOMB = 2**28  # bytes of each bomb once it is unpacked


class _Runs:
    """Unpickled, it would write a file."""

    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"echo {CANARY} > {self.canary}",)


def _pickle(path: Path, outside: Path) -> None:
    path.write_bytes(pickle.dumps(_Runs(str(outside / "canary"))))


def _torch_zip(path: Path, outside: Path) -> None:
    """A checkpoint as ``torch.save`` writes it, with that pickle inside."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Runs(str(outside / "canary"))))
        archive.writestr("archive/version", "3\n")


def _python(path: Path, outside: Path) -> None:
    path.write_text(f"open({str(outside / 'canary')!r}, 'w').write({CANARY!r})\n", "utf-8")


def _zip_bomb(path: Path, _: Path) -> None:
    path.write_bytes(_once("zip", _packed_zip))


def _packed_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("bomb", bytes(_BOMB))
    return buffer.getvalue()


def _gzip_bomb(path: Path, _: Path) -> None:
    path.write_bytes(_once("gzip", lambda: gzip.compress(bytes(_BOMB), 1)))


def _gzip_long_name(path: Path, _: Path) -> None:
    """A header whose file name has 64 MiB, which a reader in Python takes byte by byte."""
    path.write_bytes(b"\x1f\x8b\x08\x08" + bytes(6) + b"A" * 2**26)


def _gzip_members(path: Path, _: Path) -> None:
    path.write_bytes(gzip.compress(b"") * 200_000)


def _xz_bomb(path: Path, _: Path) -> None:
    path.write_bytes(_once("xz", lambda: lzma.compress(bytes(_BOMB), preset=0)))


def _xz_dictionary(path: Path, _: Path) -> None:
    """An xz header that asks for a decoder of 3 GiB."""
    packed = bytearray(lzma.compress(b"x"))
    start, size = 12, 4 * (packed[12] + 1)  # of the block's header, behind that of the stream
    packed[packed.index(b"\x21\x01", start) + 2] = 39  # LZMA2's dictionary: 3 << 30 bytes
    packed[start + size - 4 : start + size] = struct.pack(
        "<I", zlib.crc32(packed[start : start + size - 4])
    )
    path.write_bytes(packed)


def _sparse(path: Path, _: Path) -> None:
    with path.open("wb") as file:
        file.truncate(TERABYTE)


def _deep_json(path: Path, _: Path) -> None:
    path.write_bytes(b"[" * 2_000_000)


def _long_number(path: Path, _: Path) -> None:
    path.write_bytes(b'{"format":' + b"9" * 1_000_000 + b"}\n")


def _empty_lists(path: Path, _: Path) -> None:
    """JSON that takes 30 times its size once it is parsed."""
    path.write_bytes(b'{"format":[' + b"[]," * 5_000_000 + b"[]]}\n")


def _safetensors_claim(path: Path, _: Path) -> None:
    """A tensor of a terabyte, in a file of a terabyte of holes."""
    header = {"w": {"dtype": "U8", "shape": [TERABYTE], "data_offsets": [0, TERABYTE]}}
    packed = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(packed)) + packed)
        file.truncate(8 + len(packed) + TERABYTE)


def _safetensors_header(path: Path, _: Path) -> None:
    """A header of almost 100 MB, the most that the format allows, of very many tensors."""
    one = '"%07d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    entries = ",".join(one % number for number in range(1_600_000))
    packed = f"{{{entries}}}".encode()
    path.write_bytes(struct.pack("<Q", len(packed)) + packed)


def _safetensors_shape(path: Path, _: Path) -> None:
    header = {"w": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 0]}}
    packed = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(packed)) + packed)


def _link_to(target: Callable[[Path], Path | str]) -> Payload:
    def payload(path: Path, outside: Path) -> None:
        path.symlink_to(target(outside))

    return payload


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _device(path: Path, _: Path) -> None:
    """A door to /dev/zero; without root's rights, a FIFO in its place."""
    try:
        os.mknod(path, 0o20666, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(path)


def _socket(path: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door, suppress(OSError):  # its path may be too long
        door.bind(str(path))
    if not os.path.lexists(path):
        os.mkfifo(path)


def _loop(path: Path, _: Path) -> None:
    path.symlink_to(path.name)


def _folder(path: Path, _: Path) -> None:
    path.mkdir()
    (path / "inside").write_bytes(b"")


ANYWHERE: Mapping[str, Payload] = {
    "pickle": _pickle,
    "torch checkpoint": _torch_zip,
    "Python source": _python,
    "zip bomb": _zip_bomb,
    "gzip bomb": _gzip_bomb,
    "xz bomb": _xz_bomb,
    "sparse terabyte": _sparse,
    "deeply nested JSON": _deep_json,
    "number of a million digits": _long_number,
    "five million empty lists": _empty_lists,
    "empty file": lambda path, _: path.write_bytes(b"") and None,
    "link to a file outside": _link_to(lambda outside: outside / "secret.json"),
    "link to /etc/passwd": _link_to(lambda _: "/etc/passwd"),
    "link to a FIFO": _link_to(lambda outside: outside / "fifo"),
    "link to /dev/zero": _link_to(lambda _: "/dev/zero"),
    "link to a folder outside": _link_to(lambda outside: outside),
    "link to itself": _loop,
    "FIFO": _fifo,
    "device": _device,
    "socket": _socket,
    "folder": _folder,
}
"""For every file of a study and of a data set."""

TENSORS: Mapping[str, Payload] = {
    "a tensor of a terabyte": _safetensors_claim,
    "a header of 100 MB": _safetensors_header,
    "a shape of 2^124 elements": _safetensors_shape,
}
"""For files of tensors alone."""

PACKED: Mapping[str, Payload] = {
    "gzip with a name of 64 MiB": _gzip_long_name,
    "gzip of 200,000 members": _gzip_members,
    "xz that asks for 3 GiB": _xz_dictionary,
}
"""For data files alone."""


_MADE: dict[str, bytes] = {}


def _once(name: str, make: Callable[[], bytes]) -> bytes:
    """A bomb takes a second to make, and is the same in every place."""
    if name not in _MADE:
        _MADE[name] = make()
    return _MADE[name]
