"""Where a run takes place: what it sets in torch is set back."""

from contextlib import suppress

import pytest
import torch
from tests.small_runs import Place, dln, vgg

from landscope.errors import UsageError
from landscope.studies.machine import Machine


@pytest.mark.parametrize("config", [vgg(), dln()], ids=["vgg", "dln"])
def test_a_run_leaves_the_threads_and_the_random_stream_of_its_caller(tmp_path, config):
    torch.set_num_threads(2)
    before = torch.get_rng_state()

    Place(tmp_path).run(config)  # on one thread, with a seed of its own

    assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), before)


def test_what_was_set_comes_back_after_an_error():
    torch.set_num_threads(2)
    with suppress(KeyError), Machine("cpu", threads=1).prepared():
        assert torch.get_num_threads() == 1
        raise KeyError

    assert torch.get_num_threads() == 2


def test_nothing_is_set_for_a_device_that_is_not_there():
    with pytest.raises(UsageError, match="cuda:99"), Machine("cuda:99", threads=3).prepared():
        pass

    assert torch.get_num_threads() == 1
