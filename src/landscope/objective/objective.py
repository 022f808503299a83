"""The objective: the loss of one batch as a function of the parameters, and of nothing else.

A training step's loss also depends on the running statistics, the dropout masks and the noise of
that moment, and evaluating it moves them. An :class:`Objective` holds that moment still, so that
two evaluations differ by their parameters alone and leave no trace in the model.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from landscope.objective.autocast import Autocast
from landscope.objective.batch import IN_BATCH, arguments_of, copied
from landscope.objective.checks import (
    Samples,
    check_dependence,
    check_device,
    check_loss_scale,
    check_samples,
    check_scalar,
    check_values,
    check_visible,
)
from landscope.objective.exchange import Standing
from landscope.objective.frozen import Frozen
from landscope.objective.global_state import eager, no_anomaly_mode, no_cached_parametrizations
from landscope.objective.own_graphs import OwnGraphs, grads_kept
from landscope.objective.parameters import Parameters, displaced, trainable
from landscope.objective.processes import check_whole, no_collectives
from landscope.objective.random_state import RandomState, devices_of

_Result = TypeVar("_Result")

LossFn = Callable[[Any, Any], Tensor]
"""Takes the model's outputs and the targets, or the model and a whole batch; gives a scalar."""


@dataclass(frozen=True, eq=False)
class Objective:
    """One batch's loss, with the state of the training step that it belongs to.

    Args:
        model: What its passes call: a shadow of the network, or the network; never changed.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where the
            targets are in the batch.
        inputs: A tensor, a tuple of positional arguments or a mapping of keyword arguments;
            anything that holds tensors, where the targets are in it.
        targets: Whatever the loss takes; :data:`IN_BATCH` where the inputs hold them.
        standing: The model's mode and attributes before the step.
        buffers: The model's buffers (running statistics) before the step.
        random_state: The random streams before the step's forward pass.
        autocast: Mixed precision around the step's forward pass.
        l2_penalty: lambda in ``loss + lambda/2 ||W||^2``, over the parameters of two or more
            dimensions: weights, neither biases nor the scale and shift of norms.
        loss_scale: What the loss is multiplied by before it is differentiated, and the gradient
            divided by, as a ``GradScaler`` does: in float16 small gradients would vanish.
        batch_dim: Dimension of each tensor of the batch along which its samples lie.
        samples: Whether the loss takes samples as independent, or couples them: then there is no
            loss of a part of the batch.
        graphs: Whether the loss must be able to differentiate where nobody else does.
        frozen: The weights that need no gradient, before the step.
    """

    model: nn.Module
    loss_fn: LossFn
    inputs: Any
    targets: Any
    standing: Standing
    buffers: dict[str, Tensor]
    random_state: RandomState
    autocast: Autocast
    l2_penalty: float = 0.0
    loss_scale: float = 1.0
    batch_dim: int = 0
    samples: Samples = "independent"
    graphs: OwnGraphs = field(default_factory=OwnGraphs)
    frozen: Frozen = field(kw_only=True)

    @classmethod
    def now(
        cls,
        model: nn.Module,
        loss_fn: LossFn,
        inputs: Any,
        targets: Any = IN_BATCH,
        *,
        l2_penalty: float = 0.0,
        loss_scale: float = 1.0,
        batch_dim: int = 0,
        samples: Samples = "independent",
        shadow: bool = True,
    ) -> "Objective":
        """The objective of this batch in the model's state and torch's as they are.

        Its passes run on a shadow of the model, unless the model does not let itself be copied.

        Raises:
            UsageError: The loss scale is not positive and finite, the batch's dimension or how its
                samples belong together has no meaning, the model has nothing to train or no values,
                is on another device than the batch or has parts in TorchScript, or torch is in
                its inference mode.
        """
        check_loss_scale(loss_scale)
        check_whole(model)
        check_samples(batch_dim, samples)
        trainable(model)
        check_visible(model)
        check_values(model)
        check_device(model, inputs, "inputs")
        check_device(model, targets, "targets")
        standing = Standing.capture(model, loss_fn, shadow=shadow)
        devices = devices_of(model)
        return cls(
            model=standing.model,
            loss_fn=loss_fn,
            # A model may write on its batch, and the step still to come with it.
            inputs=copied(inputs),
            targets=copied(targets),
            standing=standing,
            buffers={name: tensor.clone() for name, tensor in model.named_buffers()},
            random_state=RandomState.capture(devices),
            autocast=Autocast.capture(devices),
            l2_penalty=l2_penalty,
            loss_scale=loss_scale,
            batch_dim=batch_dim,
            samples=samples,
            frozen=Frozen(model),
        )

    def retaken(self, *, streams: bool) -> "Objective":
        """The objective of the same batch in the model's state and torch's as they are now.

        Args:
            streams: Whether the random streams are taken anew too.
        """
        live = self.standing.live
        standing = Standing.capture(live, self.loss_fn, shadow=bool(self.standing.shadows))
        devices = devices_of(live)
        return replace(
            self,
            model=standing.model,
            standing=standing,
            buffers={name: tensor.clone() for name, tensor in live.named_buffers()},
            random_state=RandomState.capture(devices) if streams else self.random_state,
            autocast=Autocast.capture(devices),
            frozen=Frozen(live),
        )

    def losses(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """The loss with and without the penalty, scalars, at a point in parameter space.

        Raises:
            UsageError: ``loss_fn`` gave something else than one number.
        """
        data_loss = self.data_loss(parameters)
        return data_loss + l2_penalty(parameters, self.l2_penalty), data_loss

    def loss(self, parameters: Parameters) -> Tensor:
        """The loss with its penalty, a scalar without a graph, at a point in parameter space.

        Raises:
            UsageError: ``loss_fn`` gave something else than one number.
        """
        with torch.no_grad():
            return self.losses(_copies(parameters))[0]

    def data_loss(self, parameters: Parameters, buffers: Parameters | None = None) -> Tensor:
        """The loss without the penalty, a scalar, at a point in parameter space.

        Args:
            parameters: The point.
            buffers: Buffers that the pass may write on; copies of the step's own unless given.

        Raises:
            UsageError: ``loss_fn`` gave something else than one number.
        """
        return self.graphs.around(lambda point: self._at(point, buffers, _itself), parameters)

    def _at(
        self, parameters: Parameters, buffers: Parameters | None, then: Callable[[Tensor], _Result]
    ) -> _Result:
        """What ``then`` makes of the data loss, while the model still stands at a point."""

        def passed() -> _Result:
            with self._standing_at(parameters, buffers) as loss_fn:
                # A loss that reads model.parameters(), as for a penalty of its own, sees the point;
                # so does a backward pass that runs parts of the model again, as checkpointing does.
                return then(self._run(loss_fn))

        return self.frozen.around(passed, training=self.standing.training)

    @contextmanager
    def at(
        self, parameters: Parameters, buffers: Parameters | None = None
    ) -> Generator[Callable[[], Tensor]]:
        """Inside, the model stands at a point.

        Args:
            parameters: The point.
            buffers: Buffers that a pass may write on; copies of the step's own unless given.

        Yields:
            What runs a pass and gives its loss without the penalty, a scalar. Called again, it
            goes on from where the pass before has left the streams, the buffers and the modules.
        """
        if self.frozen.is_known(training=self.standing.training):
            self.frozen.around(lambda: None, training=self.standing.training)
        else:
            self.loss(parameters)  # a pass that could not be begun anew in here
        with self._standing_at(parameters, buffers) as loss_fn:
            yield lambda: self._run(loss_fn)

    def _run(self, loss_fn: LossFn) -> Tensor:
        with self.autocast.replayed():
            loss = self._loss(loss_fn)
        check_scalar(loss)
        return loss.reshape(())

    def _loss(self, loss_fn: LossFn) -> Any:
        if self.targets is IN_BATCH:
            return loss_fn(self.model, copied(self.inputs))
        return loss_fn(self._outputs(), copied(self.targets))

    def _outputs(self) -> Any:
        args, kwargs = arguments_of(copied(self.inputs))
        return self.model(*args, **kwargs)

    @contextmanager
    def _standing_at(self, parameters: Parameters, buffers: Parameters | None) -> Generator[LossFn]:
        state = {**self.frozen.for_a_pass(), **parameters}
        state |= self.fresh_buffers() if buffers is None else buffers
        with (
            eager(),
            no_anomaly_mode(),
            self.random_state.replayed(),
            self.autocast.left(),
            no_cached_parametrizations(),
            no_collectives(),
            self.standing.with_tensors(state) as substitution,
        ):
            yield substitution.called(self.loss_fn) if self.standing.maps_loss else self.loss_fn

    def gradient_of(self, data_loss: Tensor, own: Parameters) -> Parameters:
        """The gradient of the loss, with its penalty, from a data loss that was computed already.

        Args:
            data_loss: The loss without the penalty, a scalar with its graph.
            own: The parameters in that graph with respect to which it is taken.
        """
        if not data_loss.requires_grad:
            return self._penalty_gradient(own)
        with self._around_backward():
            found: list[Tensor | None] = list(
                torch.autograd.grad(self._scaled(data_loss), list(own.values()), allow_unused=True)
            )
        # Embeddings can have gradients that are sparse.
        gradient = {
            name: torch.zeros_like(point)
            if g is None
            else self._unscaled(g if g.layout == torch.strided else g.to_dense())
            for (name, point), g in zip(own.items(), found, strict=True)
        }
        if self.l2_penalty == 0:
            return gradient
        penalty = self._penalty_gradient(own)
        return {name: g + penalty[name] for name, g in gradient.items()}

    def _left_by_backward(self, data_loss: Tensor, point: Parameters) -> Parameters:
        # The old kind of checkpoint leaves its part of the gradient in .grad and nowhere else.
        with self._around_backward(), grads_kept(data_loss, point):
            self._scaled(data_loss).backward()
        penalty = self._penalty_gradient(point)
        return {
            name: penalty[name] if p.grad is None else self._unscaled(p.grad) + penalty[name]
            for name, p in point.items()
        }

    @contextmanager
    def _around_backward(self) -> Generator[None]:
        # A backward pass takes the types of its forward pass, and none from what is around it.
        with no_anomaly_mode(), no_collectives(), self.autocast.off().replayed():
            yield

    def _scaled(self, loss: Tensor) -> Tensor:
        return loss if self.loss_scale == 1 else loss * self.loss_scale

    def _unscaled(self, gradient: Tensor) -> Tensor:
        # Times the inverse, as a GradScaler does it: to the bit for scales that are no power of 2.
        return gradient if self.loss_scale == 1 else gradient * (1 / self.loss_scale)

    def _penalty_gradient(self, own: Parameters) -> Parameters:
        return {
            name: self.l2_penalty * p.detach() if p.ndim >= 2 else torch.zeros_like(p)
            for name, p in own.items()
        }

    def fresh_buffers(self) -> Parameters:
        """Copies of the step's buffers: batch norm writes its running statistics in place."""
        return {name: tensor.clone() for name, tensor in self.buffers.items()}

    def outputs(self, parameters: Parameters) -> Any:
        """The model's outputs at a point in parameter space.

        Where only the loss function knows how the model is called, its loss.
        """

        def called(point: Parameters) -> Any:
            with self._standing_at(point, None) as loss_fn, self.autocast.replayed():
                return self._loss(loss_fn) if self.targets is IN_BATCH else self._outputs()

        def passed(point: Parameters) -> Any:
            return self.frozen.around(
                lambda: called(_copies(point)), training=self.standing.training
            )

        return self.graphs.around(passed, parameters)

    def gradient(
        self,
        parameters: Parameters,
        *,
        direction: Parameters | None = None,
        eta: float = 0.0,
        of: Iterable[str] | None = None,
    ) -> tuple[Tensor, Tensor, Parameters]:
        """The two losses and the gradient of the first.

        Parameters that the loss does not depend on have a gradient of zero.

        Args:
            parameters: Where.
            direction: Where given, ``parameters - eta * direction`` is the place.
            eta: How far along it.
            of: Names of the parameters by which it is taken; all unless given.
        """
        point = _copies(parameters) if direction is None else displaced(parameters, direction, eta)
        for tensor in point.values():
            tensor.requires_grad_()

        def with_gradient(data_loss: Tensor) -> tuple[Tensor, Tensor, Parameters]:
            loss = data_loss + l2_penalty(point, self.l2_penalty)
            self.graphs.check(data_loss, self.standing.tensors)
            check_dependence(loss, list(point))
            by = self._left_by_backward if self.graphs.hides_a_part else self.gradient_of
            gradient = by(data_loss, {name: point[name] for name in (point if of is None else of)})
            return loss.detach(), data_loss.detach(), gradient

        with torch.enable_grad():
            return self._at(point, None, with_gradient)


def _copies(parameters: Parameters) -> Parameters:
    """Tensors of its own for a pass: a model may write on its weights, to bound them."""
    return {
        name: tensor.detach().clone().requires_grad_(tensor.requires_grad)
        for name, tensor in parameters.items()
    }


def l2_penalty(parameters: Parameters, strength: float) -> Tensor | float:
    """``strength/2 ||W||^2``, a scalar, over the parameters of two or more dimensions."""
    if strength == 0:
        return 0.0
    squares = [p.square().sum() for p in parameters.values() if p.ndim >= 2]
    return strength / 2 * torch.stack(squares).sum() if squares else 0.0


def _itself(loss: Tensor) -> Tensor:
    return loss


@contextmanager
def forward_hooks() -> Generator[list[Any]]:
    """A list for the handles of temporary hooks; on leaving, every one is removed."""
    handles: list[Any] = []
    try:
        yield handles
    finally:
        for handle in handles:
            handle.remove()
