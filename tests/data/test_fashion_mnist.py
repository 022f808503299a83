import gzip
import hashlib
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from landscope.data import fashion_mnist
from landscope.data.contents import read_idx
from landscope.errors import DataError

NAMES = [f"{name}.gz" for name in fashion_mnist.SHA256]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundled files in a folder where they can be damaged."""
    folder = Path(shutil.copytree(fashion_mnist.FOLDER, tmp_path / "bundle"))
    monkeypatch.setattr(fashion_mnist, "FOLDER", folder)
    return folder


def test_is_balanced_and_of_the_stated_size(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the bundled data asked for the network")

    monkeypatch.setattr(socket, "socket", refuse)
    data = fashion_mnist.load()
    assert data.name == "fashion-mnist"
    assert data.train_inputs.shape == (6000, 1, 28, 28)
    assert data.test_inputs.shape == (1000, 1, 28, 28)
    assert data.train_inputs.dtype == data.test_inputs.dtype == torch.uint8
    assert torch.bincount(data.train_targets).tolist() == [600] * 10
    assert torch.bincount(data.test_targets).tolist() == [100] * 10
    assert len(data.classes) == 10


def test_mean_and_std_are_those_of_the_training_images() -> None:
    data = fashion_mnist.load()
    levels = data.train_inputs.double() / 255
    assert data.mean.tolist() == pytest.approx([levels.mean().item()], abs=5e-5)
    assert data.std.tolist() == pytest.approx([levels.std(correction=0).item()], abs=5e-5)


def test_no_image_is_in_both_sets() -> None:
    data = fashion_mnist.load()
    train = {image.numpy().tobytes() for image in data.train_inputs}
    test = {image.numpy().tobytes() for image in data.test_inputs}
    assert not train & test


def test_readme_states_the_checksums_and_the_licence_is_there() -> None:
    readme = (fashion_mnist.FOLDER / "README.md").read_text("utf-8")
    for name in NAMES:
        packed = (fashion_mnist.FOLDER / name).read_bytes()
        digests = [hashlib.sha256(body).hexdigest() for body in (packed, gzip.decompress(packed))]
        assert f"| `{name}` | `{digests[0]}` | `{digests[1]}` |" in readme
    licence = (fashion_mnist.FOLDER / "LICENSE").read_text("utf-8")
    assert "Zalando" in licence
    assert "Permission is hereby granted" in licence


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is cut or damaged"),
        (
            lambda path: path.write_bytes(
                gzip.compress(gzip.decompress(path.read_bytes())[:-1] + b"\x0b", 1)
            ),
            "has sha256",
        ),
    ],
    ids=["missing", "empty", "cut", "changed"],
)
def test_a_bad_file_is_named(copy: Path, name: str, damage, message: str) -> None:
    damage(copy / name)
    expected = f"^{re.escape(str(copy / name))} {message}.*; install landscope again"
    with pytest.raises(DataError, match=expected):
        fashion_mnist.load()


@pytest.mark.slow
def test_the_tool_rebuilds_the_bundled_bytes(
    real_data: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    tool = pytestconfig.rootpath / "tools" / "bundle_fashion_mnist.py"
    complete = real_data / "fashion-mnist"
    subprocess.run([sys.executable, tool, complete, "--to", tmp_path], check=True, timeout=120)
    for name in NAMES:
        rebuilt = (tmp_path / name).read_bytes()
        bundled = (fashion_mnist.FOLDER / name).read_bytes()
        assert gzip.decompress(rebuilt) == gzip.decompress(bundled)
        # No date, no name, no operating system: nothing that differs from one day to the next.
        assert rebuilt[3:8] == bundled[3:8] == bytes(5)
        assert rebuilt[9] == bundled[9] == 255


@pytest.mark.slow
def test_holds_the_first_images_of_each_class(real_data: Path) -> None:
    folder = real_data / "fashion-mnist"
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz", shape=(10_000, 28, 28), remedy="r")
    labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz", shape=(10_000,), remedy="r")
    seen = [0] * 10
    kept: list[int] = []
    for position, label in enumerate(labels.tolist()):
        if seen[label] < 100:
            kept.append(position)
        seen[label] += 1
    data = fashion_mnist.load()
    assert torch.equal(data.test_inputs[:, 0], images[kept])
    assert torch.equal(data.test_targets, labels[kept].long())
