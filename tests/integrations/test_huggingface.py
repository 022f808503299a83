"""The callback for the Trainer of transformers, in real small trainings."""

import pytest
import torch
from tests.integrations.huggingface_training import (
    Classifier,
    Noisy,
    Noting,
    language_model,
    summed,
    traces,
    trained,
    without_dropout,
)
from tests.integrations.probes import Failing, Notes, Shown, values
from tests.tolerances import FLOAT32
from transformers import Trainer, TrainingArguments, set_seed

from landscope import Scope
from landscope.errors import UsageError
from landscope.integrations.huggingface import HuggingFaceScope
from landscope.reading import Status

pytestmark = pytest.mark.slow  # the import alone takes seconds

SETTINGS = {
    "plain": {},
    "accumulated": {"gradient_accumulation_steps": 2},
    "clipped": {"max_grad_norm": 0.01},
    "bf16": {"bf16": True},
    "label smoothing": {"model": language_model, "label_smoothing_factor": 0.2},
    "a loss of one's own": {"loss": summed},
    "the same, accumulated": {"loss": summed, "gradient_accumulation_steps": 2},
    "a trainer of one's own": {"kind": Noisy},
    "language": {"model": language_model},
    "language, accumulated": {"model": language_model, "gradient_accumulation_steps": 2},
    "checkpoints": {"model": language_model, "activation_checkpointing": True},
}
every_setting = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


def attached(made, **settings):
    """Attaches a callback, and keeps it in a list for the test to look at."""

    def attach(trainer):
        made.append(HuggingFaceScope(trainer, **settings))
        return made[-1]

    return attach


@every_setting
def test_the_training_is_the_same_to_the_bit(settings, tmp_path):
    made = []
    without = traces(trained(tmp_path, **settings))
    watched = traces(
        trained(tmp_path, attached(made, probes=["gradient", "line"], every=2), **settings)
    )

    assert len(values(made[0].scope, "line[paper]", "loss")) == 2
    assert watched == without


@every_setting
def test_the_loss_that_is_measured_is_the_one_that_is_trained(settings, tmp_path):
    made = []
    trainer = trained(tmp_path, attached(made, probes=[Shown()]), **settings)

    measured = values(made[0].scope, "shown", "loss")
    if trainer.args.gradient_accumulation_steps == 1:
        assert measured == trainer.losses
    FLOAT32.check(measured, trainer.own_losses())
    assert values(made[0].scope, "shown", "again") == measured
    assert values(made[0].scope, "shown", "lr") == logged(trainer, "learning_rate")


def test_a_training_that_goes_on_from_a_checkpoint_goes_on_counting(tmp_path):
    made = []
    trained(tmp_path, save_at=2)
    trained(tmp_path, attached(made, probes=[Shown()]), resume_from=str(tmp_path / "checkpoint-2"))

    assert [r.step for r in made[0].scope.readings if r.key == "shown/loss"] == [2, 3]


@pytest.mark.parametrize("model", [Classifier, language_model])
def test_the_gradient_that_is_measured_is_the_one_before_clipping(model, tmp_path):
    made = []
    trainer = trained(tmp_path, attached(made, probes=[Shown()]), model=model, max_grad_norm=0.01)

    FLOAT32.check(values(made[0].scope, "shown", "gradient_norm"), logged(trainer, "grad_norm"))


def logged(trainer, name):
    return [row[name] for row in trainer.state.log_history if name in row]


def test_readings_are_those_of_a_plain_loop(tmp_path):
    made = []
    settings = {"probes": ["gradient", "update", "line"], "every": 2}
    trainer = trained(tmp_path, attached(made, **settings), model=without_dropout, max_grad_norm=0)

    plain = plain_loop(trainer.batches, **settings)
    assert measured(made[0].scope) == measured(plain)
    FLOAT32.check(values(plain, "gradient", "agreement"), [1.0, 1.0])


def plain_loop(batches, **settings):
    """The same training by hand."""
    set_seed(0)
    model = without_dropout()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / len(batches))
    with Scope(model, lambda model, batch: model(**batch)["loss"], optimizer, **settings) as scope:
        for batch in batches:
            with scope.step(batch):
                optimizer.zero_grad()
                model(**batch)["loss"].backward()
                optimizer.step()
            schedule.step()
    return scope


def measured(scope):
    return {(r.step, r.key): r.value for r in scope.readings if r.probe != "scope"}


@pytest.mark.parametrize("model", [without_dropout, language_model])
def test_no_probe_refuses_what_the_trainer_gives(model, tmp_path):
    made = []
    trained(tmp_path, attached(made, probes="full", every=2), model=model)

    assert not [r for r in made[0].scope.readings if r.quantity == "failed"]


def test_a_probe_that_raises_does_not_stop_the_training(tmp_path):
    made = []
    without = traces(trained(tmp_path))
    with pytest.warns(UserWarning, match=r"failing.*the instrument broke"):
        watched = traces(trained(tmp_path, attached(made, probes=[Failing(), Shown()])))

    failed = [r for r in made[0].scope.readings if r.quantity == "failed"]
    assert watched == without
    assert [(r.layer, r.status) for r in failed] == [("failing", Status.SKIPPED)] * 3
    assert len(values(made[0].scope, "shown", "loss")) == 4


def test_writers_are_closed_and_the_trainer_is_as_it_was(tmp_path):
    made, notes = [], Notes()
    trainer = trained(tmp_path, attached(made, probes=["gradient"], every=1, to=notes))

    assert notes.closed == 1
    assert {r.step for r in notes.readings} == {0, 1, 2, 3}
    assert "compute_loss" not in vars(trainer)


class Breaking(Noting):
    def training_step(self, model, inputs, num_items_in_batch=None):
        loss = super().training_step(model, inputs, num_items_in_batch)
        if len(self.losses) == 2:
            raise OSError("the disk is gone")
        return loss


def test_after_an_error_it_takes_leave_when_it_is_told(tmp_path):
    made, notes = [], Notes()
    with pytest.raises(OSError, match="the disk is gone"):
        trained(tmp_path, attached(made, probes=["gradient"], every=1, to=notes), kind=Breaking)
    made[0].close()

    assert notes.closed == 1
    assert {r.step for r in notes.readings} == {0}


def test_a_second_training_has_a_scope_of_its_own(tmp_path):
    made = []
    trainer = trained(tmp_path, attached(made, probes=[Shown()]))
    first = made[0].scope
    trainer.train()

    assert made[0].scope is not first
    assert len(values(made[0].scope, "shown", "loss")) == 4


def test_before_the_training_there_is_no_scope(tmp_path):
    trainer = Trainer(
        model=Classifier(), args=TrainingArguments(str(tmp_path), report_to=[], use_cpu=True)
    )
    with pytest.raises(UsageError, match=r"ask after `trainer\.train\(\)`"):
        _ = HuggingFaceScope(trainer).scope


def test_several_devices_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(TrainingArguments, "n_gpu", 2)
    with pytest.raises(UsageError, match=r"devices = 2, .* show the training a single device"):
        trained(tmp_path, attached([]))
