import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.data.small_cifar import SmallCifar, check_small

from landscope.data import cifar10
from landscope.errors import DataError


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", ["", cifar10.FOLDER])
def test_reads_a_folder(tmp_path: Path, small_cifar: SmallCifar, packed: bool, below: str) -> None:
    small_cifar.write(tmp_path / below, packed=packed)
    data = cifar10.load(tmp_path)
    check_small(data, small_cifar)
    assert data.name == "cifar-10"
    assert data.train_inputs.dtype == torch.uint8


def test_a_plain_file_goes_before_its_compressed_twin(
    tmp_path: Path, small_cifar: SmallCifar
) -> None:
    small_cifar.write(tmp_path)
    for name in small_cifar.files:
        (tmp_path / f"{name}.xz").write_bytes(b"never read")
    check_small(cifar10.load(tmp_path), small_cifar)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    message = r"nowhere is not a folder: --data-dir names cifar-10-batches-bin or .*; name an exi"
    with pytest.raises(DataError, match=message):
        cifar10.load(tmp_path / "nowhere")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), "is missing"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is cut: it ends after 9218"),
    "long": (lambda path: path.write_bytes(path.read_bytes() + b"x"), "is too long"),
    "changed": (lambda path: path.write_bytes(b"x" + path.read_bytes()[1:]), "has md5"),
}


@pytest.mark.parametrize("name", list(cifar10.MD5))
@pytest.mark.parametrize("damage", list(DAMAGES))
def test_a_bad_file_is_named_with_the_remedy(
    tmp_path: Path, small_cifar: SmallCifar, name: str, damage: str
) -> None:
    small_cifar.write(tmp_path)
    apply, message = DAMAGES[damage]
    apply(tmp_path / name)
    expected = f"^{re.escape(str(tmp_path / name))} {message}.*; replace it by the one in https"
    with pytest.raises(DataError, match=expected):
        cifar10.load(tmp_path)


def test_a_cut_xz_file_is_named(tmp_path: Path, small_cifar: SmallCifar) -> None:
    small_cifar.write(tmp_path, packed=True)
    path = tmp_path / "data_batch_3.bin.xz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"data_batch_3\.bin\.xz is cut or damaged"):
        cifar10.load(tmp_path)


@pytest.mark.slow
def test_the_complete_set(real_data: Path) -> None:
    folder = real_data / "cifar-10-batches-bin"
    if not folder.is_dir():
        pytest.skip("no cifar-10-batches-bin in ../shared/data, beside the repository")
    data = cifar10.load(folder)
    assert data.train_inputs.shape == (50_000, 3, 32, 32)
    assert data.test_inputs.shape == (10_000, 3, 32, 32)
    assert torch.bincount(data.train_targets).tolist() == [5000] * 10
    assert torch.bincount(data.test_targets).tolist() == [1000] * 10
    pixels = data.train_inputs.movedim(1, 0).reshape(3, -1).double() / 255
    assert data.mean.tolist() == pytest.approx(pixels.mean(1).tolist(), abs=5e-5)
    assert data.std.tolist() == pytest.approx(pixels.std(1, correction=0).tolist(), abs=5e-5)
