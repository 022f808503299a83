"""What a run refuses, in one line, before anything is written; and a start that is no start."""

import math

import pytest
from tests.small_runs import PROBING, Place, dln, vgg

from landscope.errors import LandscopeError, UsageError
from landscope.studies.engine import run
from landscope.studies.machine import Machine
from landscope.studies.santurkar2018 import training
from landscope.studies.santurkar2018.training import PaperTraining


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_loss_that_is_not_finite_at_the_start_is_an_error(place, monkeypatch):
    """There is nothing to measure: no outcome, no weights, and a line that says why."""

    def damaged(name, data_dir, seed):
        dataset = training.load(name, data_dir=data_dir, seed=seed)
        dataset.train_inputs[0, 0] = math.nan
        return dataset

    config = dln()
    with monkeypatch.context() as patch:
        patch.setattr(training, "_dataset", damaged)
        with pytest.raises(LandscopeError, match=r"dln-none-lr1e-06-seed0 is not finite at step 0"):
            place.run(config)

    assert place.folder(config).outcome().status == "unfinished"
    assert not place.folder(config).weights_path.exists()
    assert place.run(config).status == "finished"  # the folder is not lost


REFUSED = {
    "batch of one": (
        dln(norm="batch", batch_size=1),
        r"inputs of shape \(1, 10\): .*more than 1 value for each feature; give a larger batch",
    ),
    "batch too large": (dln(batch_size=1001), r"batch_size = 1001: .*between 1 and 1000 samples"),
    "no such model": (vgg(model="vgg-17"), r"model 'vgg-17'.*did you mean"),
    "no such data": (dln(data="cifar"), r"data = 'cifar': .*did you mean 'cifar-10'"),
    "layer 0": (vgg(watched=(0,)), r"watched layer 0: .*numbered from 1 to 7; choose"),
    "layer beyond": (vgg(watched=(2, 8)), r"watched layer 8: .*numbered from 1 to 7; choose"),
    "no batch norm": (
        vgg(norm="l1"),
        r"probe 'theory' with norm 'l1': .*about batch norm; leave the probe out",
    ),
    "no known optimum": (
        vgg(probes=("optimum",)),
        r"probe 'optimum' with vgg-small on fashion-mnist: .*of a deep linear network",
    ),
    "negative step size": (
        vgg(probing=PROBING.model_copy(update={"multiples": (-1.0,)})),
        r"etas has the step size -1\.0: .*positive and finite",
    ),
}


@pytest.mark.parametrize(("config", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_written(place, config, message):
    with pytest.raises(UsageError, match=message) as refusal:
        place.run(config)

    assert "\n" not in str(refusal.value)
    assert list(place.root.iterdir()) == []


@pytest.mark.parametrize("device", ["cuda:97", "toaster"])
def test_a_device_that_is_not_there_is_refused_too(place, device):
    config = dln()
    with pytest.raises(UsageError, match=rf"device = '{device}': .*choose among cpu"):
        run(PaperTraining, config, place.folder(config), Machine(device, 1), place.reports.append)

    assert list(place.root.iterdir()) == []
