"""A run: from a small configuration to its records."""

import dataclasses
import math

import pytest
import torch
from tests.small_runs import CPU, PROBING, Place, dln, vgg
from tests.tolerances import FLOAT32

from landscope.errors import LandscopeError, RecordError, UsageError
from landscope.models.table import build
from landscope.objective.layers import execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable
from landscope.probes.covariate_shift import CovariateShift
from landscope.quantities import PAPER_LINE, TRAINING
from landscope.reading import Status
from landscope.runs.recording import Recording
from landscope.runs.weights import read_weights
from landscope.studies import engine
from landscope.studies.listener import Progress
from landscope.studies.santurkar2018.experiments import Experiment
from landscope.studies.santurkar2018.training import predict_costs


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of each family that has ended, with its records."""
    place = Place(tmp_path_factory.mktemp("runs"))
    outcomes = {config.family: place.run(config) for config in (vgg(), dln())}
    return place, outcomes


@pytest.mark.parametrize("config", [vgg(), dln()], ids=["vgg", "dln"])
def test_it_leaves_its_manifest_its_journal_and_its_weights(finished, config):
    place, outcomes = finished
    folder, records = place.folder(config), place.records(config)

    assert folder.manifest_path.exists()
    assert folder.journal_path.exists()
    assert records.outcome == outcomes[config.family]
    assert (records.outcome.status, records.outcome.step) == ("finished", config.steps)
    assert records.outcome.seconds > 0
    assert Experiment.model_validate(records.manifest.config) == config
    assert records.id == config.id
    assert (records.manifest.device, records.manifest.threads) == ("cpu", 1)
    assert records.manifest.seed == config.seed
    assert records.manifest.versions["torch"].startswith("2.")


@pytest.mark.parametrize("config", [vgg(), dln()], ids=["vgg", "dln"])
def test_the_layers_are_named_in_the_order_of_execution(finished, config):
    place, _ = finished
    model = build(config.model, norm=config.norm, classes=10)
    inputs = torch.zeros(2, 1, 28, 28) if config.family == "vgg" else torch.zeros(2, 10)
    objective = Objective.now(model, lambda outputs, _: outputs.sum(), inputs, None)
    layers = [layer.name for layer in execution_order(objective, trainable(model))]

    assert place.records(config).layers == layers
    assert len(layers) == (7 if config.family == "vgg" else 3)


@pytest.mark.parametrize("config", [vgg(), dln()], ids=["vgg", "dln"])
def test_the_weights_are_those_of_the_trained_network(finished, config):
    """All of its state, running statistics too, and not that of its start."""
    place, _ = finished
    weights = read_weights(place.folder(config).weights_path)
    start = build(config.model, norm=config.norm, seed=config.seed, classes=10).state_dict()

    assert weights.keys() == start.keys()
    for name, value in weights.items():
        if name.endswith("weight"):
            assert (value != start[name].numpy()).any()


def test_the_weights_have_the_shapes_that_the_network_takes(finished):
    place, _ = finished
    weights = read_weights(place.folder(vgg()).weights_path)
    state = build("vgg-small", norm="batch", classes=10).state_dict()

    assert {n: value.shape for n, value in weights.items()} == {
        n: tuple(value.shape) for n, value in state.items()
    }


def test_the_curves_have_a_point_a_step_and_the_test_set_its_own_cadence(finished):
    place, _ = finished
    records = place.records(vgg())

    for quantity in (TRAINING.train_loss, TRAINING.train_data_loss, TRAINING.train_accuracy):
        assert [r.step for r in records.readings(quantity)] == [0, 1, 2]
    for quantity in (TRAINING.test_loss, TRAINING.test_accuracy):
        assert [r.step for r in records.readings(quantity)] == [0, 2, 3]
    (_, total), (_, data) = (
        records.series(quantity) for quantity in (TRAINING.train_loss, TRAINING.train_data_loss)
    )
    start = build("vgg-small", norm="batch", classes=10)
    squares = sum(float(p.detach().square().sum()) for p in start.parameters() if p.ndim >= 2)
    FLOAT32.check(total[0] - data[0] + 1, 5e-4 / 2 * squares + 1)


def test_a_regression_has_no_accuracy_and_no_test_curve(finished):
    place, _ = finished
    records = place.records(dln())

    assert [r.step for r in records.readings(TRAINING.train_loss)] == [0, 1, 2, 3, 4]
    for quantity in (TRAINING.train_accuracy, TRAINING.test_loss, TRAINING.test_accuracy):
        assert not records.has(quantity)


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (
            vgg(),
            {
                "distribution": [0, 2],
                "covariate_shift": [0, 2],
                "line[paper]": [0, 2],
                "line[fixed]": [0, 2],
                "line[random]": [0, 2],
                "theory": [0],
            },
        ),
        (
            dln(),
            {
                "distribution": [0, 2, 4],
                "covariate_shift": [0, 2, 4],
                "line[paper]": [0, 2, 4],
                "line[fixed]": [0, 2, 4],
                "line[random]": [0, 2, 4],
                "optimum": [0],
            },
        ),
    ],
    ids=["vgg", "dln"],
)
def test_each_probe_has_looked_from_step_0_on_at_its_cadence(finished, config, steps):
    place, _ = finished
    readings = place.records(config).all_readings

    found = {}
    for reading in readings:
        if reading.probe != "training":
            found.setdefault(reading.probe, set()).add(reading.step)
            assert reading.seconds > 0
            assert str(reading.function)
    assert {probe: sorted(looks) for probe, looks in found.items()} == steps


@pytest.mark.parametrize("config", [vgg(), dln()], ids=["vgg", "dln"])
def test_costs_are_foretold_for_each_probe_and_each_of_its_looks(finished, config):
    place, _ = finished
    looks = {}
    for reading in place.records(config).all_readings:
        if reading.probe != "training":
            looks.setdefault(reading.probe, set()).add(reading.step)

    costs = predict_costs(config, CPU)

    assert {cost.probe: cost.looks for cost in costs} == {
        probe: len(steps) for probe, steps in looks.items()
    }
    line = next(cost for cost in costs if cost.probe == "line[paper]")
    assert line.look == pytest.approx(len(config.probing.multiples))
    assert line.share == pytest.approx(line.look * line.looks / config.steps)


def test_costs_are_those_of_the_run_s_own_batch():
    """The fixed inputs of a distribution are more or fewer than a batch."""
    costs = {
        size: {cost.probe: cost.look for cost in predict_costs(vgg(batch_size=size), CPU)}
        for size in (8, 32)
    }

    assert costs[8]["distribution"] == pytest.approx(4 * costs[32]["distribution"])
    assert costs[8]["covariate_shift"] == pytest.approx(costs[32]["covariate_shift"])


def test_watched_layers_are_counted_from_1_in_the_order_of_execution(finished):
    place, _ = finished
    for config in (vgg(), dln()):
        records = place.records(config)
        watched = {r.layer for r in records.all_readings if r.probe == "distribution"}

        assert watched == {records.layers[number - 1] for number in config.watched}


def test_a_line_starts_from_the_loss_of_its_step(finished):
    """The journal's two ways to the same number: the loop's and the probe's."""
    place, _ = finished
    records = place.records(vgg())
    losses = dict(zip(*records.series(TRAINING.train_loss), strict=True))

    for reading in records.readings(PAPER_LINE.start_loss):
        assert reading.value == losses[reading.step]


def test_the_noise_of_a_run_without_probes_is_that_of_one_with_them(place):
    """Contract 2 from end to end: the weights of a run do not know what was measured."""
    measured, plain = vgg(norm="noisy-batch"), vgg(norm="noisy-batch", probes=(), watched=())
    weights = []
    for config, name in ((measured, "measured"), (plain, "plain")):
        other = Place(place.root / name)
        other.root.mkdir()
        other.run(config)
        weights.append(other.folder(config).weights_path.read_bytes())

    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(vgg(norm="noisy-batch"), id="vgg", marks=pytest.mark.slow),
        pytest.param(dln(norm="noisy-batch"), id="dln"),
    ],
)
def test_the_same_configuration_gives_the_same_records(place, config):
    """To the last bit, apart from the seconds; whatever the streams were before."""
    found = []
    for name in ("first", "second"):
        other = Place(place.root / name)
        other.root.mkdir()
        other.run(config)
        readings = [
            repr(dataclasses.replace(reading, seconds=0.0))
            for reading in other.records(config).all_readings
        ]
        found.append((other.folder(config).weights_path.read_bytes(), readings))
        torch.rand(7)

    assert found[0] == found[1]
    assert len(found[0][1]) > 50


def test_another_seed_is_another_run(place):
    configs = [dln(seed=seed, probes=(), watched=()) for seed in (0, 1)]
    for config in configs:
        place.run(config)

    first, second = (place.records(c).series(TRAINING.train_loss)[1] for c in configs)
    assert (first != second).all()


def test_a_run_that_has_ended_is_never_overwritten(place):
    config = dln(steps=2, probes=(), watched=())
    place.run(config)
    before = {path.name: path.read_bytes() for path in place.folder(config).path.iterdir()}

    with pytest.raises(RecordError, match="the run has ended and its records are not overwritten"):
        place.run(config)

    assert {p.name: p.read_bytes() for p in place.folder(config).path.iterdir()} == before


def test_a_run_that_was_interrupted_is_done_again(place, monkeypatch):
    config = dln(steps=4, probes=(), watched=())

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Recording, "finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            place.run(config)
    assert place.folder(config).outcome().status == "unfinished"

    assert place.run(config).status == "finished"
    assert len(place.records(config).readings(TRAINING.train_loss)) == 4


def test_a_diverging_training_is_a_result(place):
    """It ends there, says at which step, can be read, and has left its weights."""
    config = dln(lr=1.0, steps=200)
    outcome = place.run(config)

    records = place.records(config)
    assert records.outcome == outcome
    assert outcome.status == "diverged"
    assert 0 < outcome.step < 200
    losses = records.readings(TRAINING.train_loss)
    assert [reading.step for reading in losses] == list(range(outcome.step + 1))
    assert all(math.isfinite(r.value) and r.status is Status.OK for r in losses[:-1])
    assert not math.isfinite(losses[-1].value)
    assert losses[-1].status is Status.NONFINITE
    assert read_weights(place.folder(config).weights_path).keys()
    assert place.reports[-1] == Progress(config.id, "diverged", 200, 200)


def test_nothing_is_measured_once_a_training_has_diverged(place):
    """Nor on the test set, though the points of the curves are held back."""
    config = vgg(norm="none", lr=1e12, steps=30, probes=(), watched=())
    outcome = place.run(config)

    assert outcome.status == "diverged"
    assert max(r.step for r in place.records(config).all_readings) == outcome.step


def test_a_reading_of_the_step_that_broke_the_training_says_so(place):
    each_step = PROBING.model_copy(update={"look_every": 1})
    config = dln(lr=1.0, steps=200, probes=("covariate_shift",), watched=(), probing=each_step)
    place.run(config)

    readings = [r for r in place.records(config).all_readings if r.probe == "covariate_shift"]
    for reading in readings:
        finite = math.isfinite(reading.value)
        assert reading.status is (Status.OK if finite else Status.NONFINITE)
    assert any(reading.status is Status.NONFINITE for reading in readings)


def test_a_reading_says_which_batch_of_which_epoch_it_is_of(place):
    config = vgg(steps=3)
    place.run(config)

    (last,) = {
        str(reading.function)
        for reading in place.records(config).readings(PAPER_LINE.gradient_change)
        if reading.step == 2
    }
    assert last.startswith("training mode, batch 2 of epoch 0, 8 samples, loss with L2 penalty")


def test_a_run_ends_by_a_probe_that_cannot_measure(place, monkeypatch):
    def fail(*_):
        raise UsageError("this batch", "it is none", "give another")

    monkeypatch.setattr(CovariateShift, "read", fail)
    config = dln(steps=3, probes=("covariate_shift",), watched=())
    text = (
        r"^covariate_shift at step 0: it cannot be measured \(UsageError: this batch: it is none; "
        r"give another\); leave the probe out, or report it"
    )
    with pytest.raises(LandscopeError, match=text):
        place.run(config)
    assert place.folder(config).outcome().status == "unfinished"


def test_progress_goes_from_the_set_up_to_the_end(place, monkeypatch):
    monkeypatch.setattr(engine, "_REPORT_SECONDS", -1.0)
    config = dln(steps=3, probes=(), watched=())
    place.run(config)

    assert place.reports == [
        Progress(config.id, "setting up", 0, 3),
        Progress(config.id, "training", 1, 3),
        Progress(config.id, "training", 2, 3),
        Progress(config.id, "training", 3, 3),
        Progress(config.id, "finished", 3, 3),
    ]
