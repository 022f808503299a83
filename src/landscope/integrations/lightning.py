"""A callback for Lightning's Trainer."""

import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.integrations.missing import missing
from landscope.objective.norm_mode import NormMode
from landscope.scope.destinations import Destination
from landscope.scope.scope import Scope

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.loggers.logger import DummyLogger
except ModuleNotFoundError as error:
    raise missing("lightning", "lightning") from error


class LightningScope(Callback):
    """Measures the landscape of a training by Lightning, without changing a bit of it.

    ::

        trainer = Trainer(callbacks=[LightningScope(budget=0.05, to="runs/mine")])

    What is measured is the loss of the module's own ``training_step``, under the trainer's
    precision, with its logging switched off. Where gradients are accumulated, it is that of the
    last batch of each update. ``training_step`` runs again after the update: what it reads from
    the trainer, such as ``global_step``, is of that moment, and what it changes outside of the
    module, it changes again.

    Args:
        probes: As for :class:`~landscope.Scope`, and so are the other arguments.
        every: Updates from one measurement to the next; None to let the budget decide.
        budget: Share of the time that the probes may take.
        to: Where readings go; writers are closed when the training ends.
        norm_mode: Which function batch norms are measured as.
        loss_fn: ``loss_fn(module, batch)``, a scalar, if ``training_step`` is not suitable.

    Raises:
        UsageError: When the training starts: it uses several processes, manual optimisation, or a
            step that fetches its batches itself.
    """

    def __init__(
        self,
        *,
        probes: str | Sequence[Any] = "standard",
        every: int | None = None,
        budget: float = 0.05,
        to: Destination | Sequence[Destination] | None = None,
        norm_mode: NormMode = "batch",
        loss_fn: Callable[[Any, Any], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self._probes = probes
        self._every = every
        self._budget = budget
        self._to = to
        self._norm_mode: NormMode = norm_mode
        self._loss_fn = loss_fn
        self._scope: Scope | None = None
        self._batch_index = 0
        self._inside = False

    @property
    def scope(self) -> Scope:
        """The scope of the training that runs, or ran last, with its readings and findings.

        Raises:
            UsageError: No training has started.
        """
        if self._scope is None:
            raise UsageError(
                "LightningScope.scope",
                "there is a scope once the training has started",
                "ask after `trainer.fit(...)`",
            )
        return self._scope

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Attach a new scope to the training's optimiser."""
        _check(trainer, pl_module)

        def loss_fn(module: Any, batch: Any) -> Any:
            with trainer.precision_plugin.train_step_context(), _unlogged(trainer, module):
                if self._loss_fn is not None:
                    return self._loss_fn(module, batch)
                return _training_loss(module, batch, self._batch_index)

        self._scope = Scope(
            pl_module,
            loss_fn,
            trainer.optimizers[0],
            probes=self._probes,
            every=self._every,
            budget=self._budget,
            to=self._to,
            norm_mode=self._norm_mode,
            scaler=getattr(trainer.precision_plugin, "scaler", None),
            first_step=trainer.global_step,
        )
        self._inside = False

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Before a batch."""
        del pl_module
        self._batch_index = batch_idx
        self._inside = True
        with trainer.precision_plugin.train_step_context():
            self.scope.before(batch)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """After a batch, with the optimiser's step or without."""
        del trainer, pl_module, outputs, batch, batch_idx
        # Where the loader gave nothing, Lightning calls the end without the start.
        if self._inside:
            self._inside = False
            self.scope.after()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the scope and what it writes to."""
        del trainer, pl_module
        self.scope.close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Close the scope where the training ends before its time."""
        del trainer, pl_module, exception
        if self._scope is not None:
            self._scope.close()


def _check(trainer: Trainer, module: LightningModule) -> None:
    if trainer.world_size > 1:
        raise UsageError(
            f"world_size = {trainer.world_size}",
            "LightningScope measures a training in one process",
            "train with devices=1 and num_nodes=1, or put landscope.Scope into a loop of your own "
            "under DistributedDataParallel, where process 0 measures",
        )
    if not module.automatic_optimization:
        raise UsageError(
            "automatic_optimization = False",
            "LightningScope takes the loss from training_step and the update from Lightning, and "
            "with manual optimisation, as with several optimisers, it cannot tell what belongs "
            "to what",
            "use landscope.Scope in training_step, around each optimiser's own part",
        )
    if "dataloader_iter" in inspect.signature(module.training_step).parameters:
        raise UsageError(
            "training_step(dataloader_iter)",
            "LightningScope measures the loss of a batch that it is given",
            "let training_step take the batch",
        )


def _training_loss(module: LightningModule, batch: Any, batch_index: int) -> Any:
    step: Any = module.training_step
    takes_index = len(inspect.signature(step).parameters) > 1
    output = step(batch, batch_index) if takes_index else step(batch)
    return output["loss"] if isinstance(output, Mapping) else output


@contextmanager
def _unlogged(trainer: Trainer, module: nn.Module) -> Generator[None]:
    """Inside, whatever is logged goes nowhere.

    It runs while the module stands at another point, and what is set here of its attributes is put
    back with the others.
    """
    loggers = trainer.loggers
    trainer.loggers = [DummyLogger() for _ in loggers]
    vars(module)["log"] = _nothing
    try:
        yield
    finally:
        trainer.loggers = loggers
        del vars(module)["log"]


def _nothing(*_: Any, **__: Any) -> None:
    """Log nothing."""
