"""The callback for Lightning, in real small trainings."""

import pytest
from lightning.pytorch import Trainer, seed_everything
from tests.integrations.lightning_training import (
    BATCH,
    Bare,
    Gradients,
    Manual,
    Noisy,
    Small,
    dataset,
    fit,
    traces,
    trainer,
)
from tests.integrations.probes import Failing, Notes, Shown, values
from tests.tolerances import FLOAT32
from torch.utils.data import DataLoader

from landscope import Scope
from landscope.errors import UsageError
from landscope.integrations.lightning import LightningScope
from landscope.reading import Status

pytestmark = [
    pytest.mark.slow,  # the import alone takes seconds
    # Lightning 2.6 makes pytrees in a way that torch 2.13 deprecates.
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning"),
    # It advises to load data in several processes.
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
]

SETTINGS = {
    "plain": {},
    "accumulated": {"accumulate_grad_batches": 2},
    "clipped": {"gradient_clip_val": 0.01},
    "bf16": {"precision": "bf16-mixed"},
    "fp16": {"precision": "16-mixed"},
    "true bf16": {"precision": "bf16-true"},
    "float64": {"precision": "64-true"},
    "without forward": {"module": Bare},
    "noise before forward": {"module": Noisy},
}
every_setting = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


@every_setting
def test_the_training_is_the_same_to_the_bit(settings, tmp_path):
    scope = LightningScope(probes=["gradient", "line"], every=2)
    without = traces(fit(tmp_path / "without", **settings))
    watched = traces(fit(tmp_path / "with", scope, **settings))

    assert len(values(scope.scope, "line[paper]", "loss")) == 2
    assert watched == without


@every_setting
def test_the_loss_that_is_measured_is_the_one_that_is_trained(settings, tmp_path):
    scope = LightningScope(probes=[Shown()])
    module = fit(tmp_path, scope, **settings)

    batches = settings.get("accumulate_grad_batches", 1)
    trained = module.losses[batches - 1 :: batches]
    assert values(scope.scope, "shown", "loss") == trained
    assert values(scope.scope, "shown", "again") == trained
    assert values(scope.scope, "shown", "lr") == [0.1, 0.05, 0.025, 0.0125]


def test_the_gradient_that_is_measured_is_the_one_before_clipping(tmp_path):
    scope, gradients = LightningScope(probes=[Shown()]), Gradients()
    fit(tmp_path, scope, gradients, gradient_clip_val=0.01)

    FLOAT32.check(values(scope.scope, "shown", "gradient_norm"), gradients.norms)


def test_the_gradient_that_lightning_uses_is_the_clipped_one(tmp_path):
    scope = LightningScope(probes=["gradient"], every=1)
    fit(tmp_path, scope, gradient_clip_val=0.01)

    FLOAT32.check(values(scope.scope, "gradient", "used_gradient_norm"), [0.01] * 4)
    FLOAT32.check(values(scope.scope, "gradient", "agreement"), [1.0] * 4)


def test_readings_are_those_of_a_plain_loop(tmp_path):
    callback = LightningScope(probes=["gradient", "update"], every=2)
    fit(tmp_path, callback, module=Bare)

    plain = plain_loop(probes=["gradient", "update"], every=2)
    assert measured(callback.scope) == measured(plain)


def test_a_training_that_goes_on_from_a_checkpoint_goes_on_counting(tmp_path):
    first = trainer(tmp_path, steps=2)
    loader = DataLoader(dataset(2), batch_size=BATCH)
    first.fit(Small(), loader)
    first.save_checkpoint(tmp_path / "last.ckpt")

    callback = LightningScope(probes=[Shown()])
    trainer(tmp_path / "again", callback, steps=4).fit(
        Small(), loader, ckpt_path=tmp_path / "last.ckpt"
    )
    steps = [r.step for r in callback.scope.readings if r.key == "shown/loss"]
    assert steps == [2, 3]


def plain_loop(**settings):
    """The same training by hand."""
    seed_everything(0)
    module = Bare()
    loader = DataLoader(dataset(4), batch_size=BATCH, shuffle=True)
    (optimizer,), (schedule,) = module.configure_optimizers()
    with Scope(module, Bare.training_step, optimizer, **settings) as scope:
        for batch in loader:
            with scope.step(batch):
                optimizer.zero_grad()
                module.training_step(batch).backward()
                optimizer.step()
            schedule["scheduler"].step()
    return scope


def measured(scope):
    return {(r.step, r.key): r.value for r in scope.readings if r.probe != "scope"}


def test_no_probe_refuses_what_lightning_gives(tmp_path):
    callback = LightningScope(probes="full", every=2)
    fit(tmp_path, callback)

    assert not [r for r in callback.scope.readings if r.quantity == "failed"]


def test_a_probe_that_raises_does_not_stop_the_training(tmp_path):
    callback = LightningScope(probes=[Failing(), Shown()])
    without = traces(fit(tmp_path / "without"))
    with pytest.warns(UserWarning, match="failing.*the instrument broke"):
        watched = traces(fit(tmp_path / "with", callback))

    failed = [r for r in callback.scope.readings if r.quantity == "failed"]
    assert watched == without
    assert [(r.layer, r.status) for r in failed] == [("failing", Status.SKIPPED)] * 3
    assert len(values(callback.scope, "shown", "loss")) == 4


class Breaking(Small):
    def training_step(self, batch, batch_idx):
        if batch_idx == 2:
            raise OSError("the disk is gone")
        return super().training_step(batch, batch_idx)


@pytest.mark.parametrize("module", [Small, Breaking])
def test_writers_are_closed_once_however_the_training_ends(module, tmp_path):
    notes = Notes()
    callback = LightningScope(probes=["gradient"], every=1, to=notes)
    if module is Breaking:
        with pytest.raises(OSError, match="the disk is gone"):
            fit(tmp_path, callback, module=module)
    else:
        fit(tmp_path, callback, module=module)

    assert notes.closed == 1
    assert max(r.step for r in notes.readings) == (1 if module is Breaking else 3)


def test_a_loss_of_ones_own_takes_the_place_of_the_step(tmp_path):
    callback = LightningScope(
        probes=[Shown()], loss_fn=lambda module, batch: 2 * module.loss(batch)
    )
    module = fit(tmp_path, callback)

    assert values(callback.scope, "shown", "loss") == [2 * loss for loss in module.losses]


def test_a_second_training_has_a_scope_of_its_own(tmp_path):
    callback = LightningScope(probes=[Shown()])
    fit(tmp_path / "first", callback)
    first = callback.scope
    fit(tmp_path / "second", callback)

    assert callback.scope is not first
    assert measured(callback.scope) == measured(first)


def test_before_the_training_there_is_no_scope():
    with pytest.raises(UsageError, match=r"once the training has started; ask after `trainer.fit"):
        _ = LightningScope().scope


def test_manual_optimisation_is_refused_before_the_first_step(tmp_path):
    with pytest.raises(UsageError, match=r"automatic_optimization = False: .* several optimisers"):
        fit(tmp_path, LightningScope(), module=Manual)


class Untrained(Small):
    def configure_optimizers(self):
        return None


@pytest.mark.filterwarnings("ignore:.*configure_optimizers. returned .None.")  # as is meant here
def test_a_training_without_an_optimiser_is_refused(tmp_path):
    with pytest.raises(UsageError, match="_MockOptimizer over 0 parameters"):
        fit(tmp_path, LightningScope(), module=Untrained)


class Fetching(Small):
    def training_step(self, dataloader_iter):
        return super().training_step(next(dataloader_iter)[0], 0)


# Lightning calls this way of loading experimental.
@pytest.mark.filterwarnings("ignore:Found .dataloader_iter. argument")
@pytest.mark.filterwarnings("ignore:You are using the .dataloader_iter. step flavor")
def test_a_step_that_takes_its_batches_itself_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"training_step\(dataloader_iter\).*let training_step"):
        fit(tmp_path, LightningScope(), module=Fetching)


def test_several_processes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "world_size", 2)
    with pytest.raises(UsageError, match=r"world_size = 2: .* train with devices=1"):
        fit(tmp_path, LightningScope())
