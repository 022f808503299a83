from pathlib import Path

import pytest
import torch
from tests.data.small_cifar import SmallCifar

from landscope.data import DATASETS, load
from landscope.errors import UsageError


@pytest.mark.parametrize("name", list(DATASETS))
def test_every_row_gives_a_data_set_of_its_name(
    tmp_path: Path, small_cifar: SmallCifar, name: str
) -> None:
    data = load(name, data_dir=small_cifar.write(tmp_path))
    assert data.name == name
    assert data.device == torch.device("cpu")
    assert len(data.train_inputs) == len(data.train_targets) > 0
    assert len(data.test_inputs) == len(data.test_targets) > 0
    made = data.inputs(data.test_inputs)
    assert made.dtype == torch.float32
    assert made.isfinite().all()
    if data.classes:
        assert data.train_targets.min() >= 0
        assert data.train_targets.max() < len(data.classes)
        assert len(data.mean) == len(data.std) == data.train_inputs.shape[1]


def test_the_seed_reaches_the_data_that_is_drawn() -> None:
    first, same, other = (load("gaussian", seed=seed).train_inputs for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("cifar10", "did you mean 'cifar-10'?"), ("fashion_mnist", "did you mean 'fashion-mnist'?"),
     ("imagenet-22k", "choose one of them"), ("", "choose one of them")],
)  # fmt: skip
def test_an_unknown_name_lists_the_known_ones(name: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(name)
    rule = "a data set is one of fashion-mnist, cifar-10, gaussian"
    assert str(caught.value) == f"data = {name!r}: {rule}; {remedy}"
