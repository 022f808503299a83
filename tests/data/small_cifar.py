"""A CIFAR-10 of a few records, in the form of the real one."""

import io
import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path

import torch

from landscope.data import cifar10
from landscope.data.dataset import Dataset

RECORDS = 3


@dataclass(frozen=True)
class SmallCifar:
    """The six files with three records each; labels count up through all files."""

    files: dict[str, bytes]

    def write(self, folder: Path, *, packed: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, contents in self.files.items():
            if packed:
                (folder / f"{name}.xz").write_bytes(lzma.compress(contents))
            else:
                (folder / name).write_bytes(contents)
        return folder

    def archive(self, replaced: dict[str, bytes | None] | None = None) -> bytes:
        """A tar as the official one: other members too, one of them with a hostile name."""
        members = {f"{cifar10.FOLDER}/{name}": body for name, body in self.files.items()}
        members |= {f"{cifar10.FOLDER}/readme.html": b"<html>", "../escape.bin": b"out"}
        members |= replaced or {}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, body in members.items():
                if body is not None:
                    member = tarfile.TarInfo(name)
                    member.size = len(body)
                    tar.addfile(member, io.BytesIO(body))
        return buffer.getvalue()


def check_small(data: Dataset, small: SmallCifar) -> None:
    """Every byte of the six files is where it should be."""
    assert data.train_targets.tolist() == [label % 10 for label in range(5 * RECORDS)]
    assert data.test_targets.tolist() == [label % 10 for label in range(5 * RECORDS, 6 * RECORDS)]
    images = torch.cat([data.train_inputs, data.test_inputs])
    for position, contents in enumerate(small.files.values()):
        for row in range(RECORDS):
            record = contents[row * 3073 : (row + 1) * 3073]
            image = images[position * RECORDS + row]
            assert image.numpy().tobytes() == record[1:]
            # Plane, then row, then column.
            assert image[2, 31, 5].item() == record[1 + 2 * 1024 + 31 * 32 + 5]
