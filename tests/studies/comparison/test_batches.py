"""The checksum of a batch, of whatever it is made, and who may make batches in processes."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from landscope.errors import UsageError
from landscope.studies.comparison import batches
from landscope.studies.comparison.batches import UserBatches, batch_checksum


@dataclass
class Graph:
    """As in libraries for graphs: a class with attributes."""

    nodes: Any
    more: Any = None


def sparse(value: float) -> torch.Tensor:
    return torch.sparse_coo_tensor([[0, 2]], [1.0, value], (4,), check_invariants=True)


BATCHES = {
    "a tensor": lambda value: torch.tensor([1.0, value]),
    "another shape": lambda value: torch.zeros(int(value), 2),
    "an array": lambda value: np.array([1.0, value]),
    "an array of texts": lambda value: np.array(["a", str(value)], dtype=object),
    "a sparse tensor": sparse,
    "a compressed one": lambda value: torch.tensor([[0.0, value]]).to_sparse_csr(),
    "an object": lambda value: Graph(torch.tensor([value])),
    "an object in an object": lambda value: {"graph": [Graph(None, Graph(np.array([value])))]},
    "a text": lambda value: ["a", str(value)],
    "a name": lambda value: {str(value): torch.ones(2)},
}


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")  # of torch, that it is in beta
@pytest.mark.parametrize("make", BATCHES.values(), ids=BATCHES)
def test_another_batch_has_another_checksum(make: Any) -> None:
    assert batch_checksum(make(2.0)) == batch_checksum(make(2.0))
    assert batch_checksum(make(2.0)) != batch_checksum(make(3.0))
    assert batch_checksum(make(2.0), 1) != batch_checksum(make(2.0))


def test_a_batch_that_holds_itself_comes_to_an_end() -> None:
    batch = Graph(torch.ones(1))
    batch.more = batch
    assert batch_checksum(batch) == batch_checksum(batch)


class Loading(list[torch.Tensor]):
    """As a ``DataLoader`` that starts processes."""

    num_workers = 2


def test_a_worker_process_starts_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = UserBatches(lambda _: Loading([torch.ones(2)]), 0, "cpu")
    assert torch.equal(made.peek(), torch.ones(2))
    monkeypatch.setattr(batches, "current_process", lambda: SimpleNamespace(daemon=True))
    text = r"^make_batches\(seed\) starts processes of its own: .*; give --workers 1, or make the "
    with pytest.raises(UsageError, match=text):
        UserBatches(lambda _: Loading([torch.ones(2)]), 0, "cpu").peek()
