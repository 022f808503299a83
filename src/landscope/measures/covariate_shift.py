"""Internal covariate shift: how far each layer's gradient moves under the layers before it.

Santurkar et al. 2018, Definition 2.1: ``||G_i - G'_i||_2`` with ``G_i`` the gradient of layer i at
the parameters before the step, and ``G'_i`` the same with every layer before i after its step.
Same batch in both; layer i itself and all that follow it stay where they were.

Done by the book this takes a whole forward and backward pass for each layer. Here the pass is cut
at each layer: the moved layers before it run once in all, and only what follows runs again.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from landscope.errors import UsageError
from landscope.measures.comparison import Comparison, Comparisons
from landscope.objective.batch import IN_BATCH
from landscope.objective.checks import check_finite
from landscope.objective.layers import Layer, layers_in_order
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import (
    Parameters,
    check_like,
    norm,
    trainable,
)
from landscope.objective.recording import Recording, record
from landscope.objective.segments import finish_in_segments
from landscope.objective.tape import Position, ReplayError, Tape


@dataclass(frozen=True)
class LayerShift:
    """The covariate shift of one layer.

    Args:
        layer: Name of the layer's weight-bearing module.
        l2: ``||G - G'||``, in units of the loss over those of the parameters.
        relative: ``||G - G'|| / ||G||``; NaN where the gradient vanishes.
        cosine: Cosine of the angle between G and G', in [-1, 1]; NaN where either vanishes.
        gradient_norm: ``||G||``.
        obstacle: Why the network could not be cut, so that a whole pass was taken for each layer;
            None where it was cut. The values are right in either case.
    """

    layer: str
    l2: float
    relative: float
    cosine: float
    gradient_norm: float
    obstacle: str | None = None


def covariate_shift(
    model: nn.Module,
    loss_fn: LossFn,
    inputs: Any,
    targets: Any = IN_BATCH,
    *,
    after: Parameters,
    gradient: Parameters | None = None,
    layers: Collection[str] | None = None,
    every: int = 1,
    segments: int = 1,
    loss_scale: float = 1.0,
) -> list[LayerShift]:
    """Definition 2.1 for every layer, in the order of execution.

    The model stands at the parameters before the step and is left as it is: weights, buffers,
    ``.grad``, mode and random streams. It is measured in the mode that it is in. G is taken over
    the layer's own parameters: weight, bias, and the scale and shift of the norm that follows.

    Args:
        model: The network, before the step.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where no
            targets are given.
        inputs: The batch of the step: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets; left out where the batch holds them.
        after: The parameters after the step, one entry for each that requires a gradient.
        gradient: The gradient at the parameters before the step, where the step has computed it.
            It is not computed again.
        layers: Names of the layers to measure, as in :attr:`LayerShift.layer`; all unless given.
        every: Measure only each so manieth of them, from the first.
        segments: In how many parts each backward pass is run. More take less memory, about that of
            one part, and one more forward pass; the square root of the number of layers is a
            fair choice. Give ``gradient`` too, or it is computed in one part.
        loss_scale: What a ``GradScaler`` multiplies the loss by, in float16.

    Returns:
        One :class:`LayerShift` a layer. The first has shift exactly 0: nothing lies before it.

    Raises:
        UsageError: ``after`` or ``gradient`` does not fit the model, a layer is unknown, ``every``
            or ``segments`` is below 1, the loss scale is not positive and finite, the model has
            nothing to train or is on another device than the batch, or the loss is not a scalar,
            or it or the gradient not finite.
    """
    before = trainable(model)
    check_like(after, before, "after", model)
    if gradient is not None:
        check_like(gradient, before, "gradient", model)
    _check_count("every", every, "each so manieth layer is measured", "for all")
    _check_count("segments", segments, "a backward pass is run in so many parts", "for one")
    objective = Objective.now(model, loss_fn, inputs, targets, loss_scale=loss_scale)
    if gradient is None:
        loss, _, gradient = objective.gradient(before)
        check_finite(loss)
    elif not norm(gradient).isfinite():
        raise UsageError(
            "gradient is not finite",
            "a shift is the change of a gradient that is known",
            "check the batch and the weights for NaN, or measure at an earlier step",
        )
    return shift_of_layers(
        objective,
        before,
        after,
        gradient=gradient,
        layers=layers,
        every=every,
        segments=segments,
    )


def shift_of_layers(
    objective: Objective,
    before: Parameters,
    after: Parameters,
    *,
    gradient: Parameters,
    layers: Collection[str] | None = None,
    every: int = 1,
    most: int | None = None,
    segments: int = 1,
) -> list[LayerShift]:
    """:func:`covariate_shift` between two points, where the step's gradient is known.

    Args:
        objective: The batch with the state of its step.
        before: Parameters before the step.
        after: Parameters after the step.
        gradient: The gradient at ``before``.
        layers: Names of the layers to measure; all unless given.
        every: Measure every n-th of them, starting with the first.
        most: Measure at most so many of them, evenly spaced, the last among them.
        segments: In how many parts each backward pass is run.
    """
    # Entries for frozen parameters are allowed in a point, and no part of the landscape.
    after = {name: after[name] for name in before}
    recording = record(objective, after, keep_graph=segments == 1)
    order = layers_in_order(objective.model, recording.first_uses)
    chosen = spread(_chosen(order, layers, every), most)
    step = _Step(objective, before, after, gradient, order, segments)
    obstacle = recording.obstacle
    rows: list[Comparison] = []
    if recording.tape is not None:
        try:
            rows = step.cut(recording, recording.tape, chosen)
        except torch.OutOfMemoryError:
            raise
        except (ReplayError, RuntimeError, TypeError, ValueError, IndexError) as error:
            obstacle = str(error).partition("\n")[0]
    if obstacle is not None:
        rows = step.by_the_book(chosen)
    return [
        _shift(order[position].name, row, obstacle)
        for position, row in zip(chosen, rows, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Step:
    """One update, and how far it moves the gradients of its layers.

    Args:
        objective: The batch with the state of its step.
        before: Parameters before the update.
        after: Parameters after it.
        gradient: The gradient before it.
        order: The layers in the order of execution.
        segments: In how many parts each backward pass is run.
    """

    objective: Objective
    before: Parameters
    after: Parameters
    gradient: Parameters
    order: list[Layer]
    segments: int

    def by_the_book(self, chosen: list[int]) -> list[Comparison]:
        """G and G' of some layers, with a whole pass for each."""
        found = Comparisons()
        for position in chosen:
            moved = self._still(position)
            if position > 0:
                # All weights ask for gradients, as in training: hooks and checkpoints expect it.
                _, _, gradient = self.objective.gradient(self._mixed(position))
                moved = {name: gradient[name] for name in moved}
            found.add(self.gradient, moved)
        return found.results()[0]

    def cut(self, recording: Recording, tape: Tape, chosen: list[int]) -> list[Comparison]:
        """G and G' of some layers, with what lies before them run once for all.

        Raises:
            ReplayError: The tape is not the pass that it was made of.
        """
        found = Comparisons()
        with self.objective.random_state.streams.kept(), self.objective.autocast.left():
            moved = tape.start(self.objective.buffers)
            for position in chosen:
                start = recording.first_uses[self.order[position].parameters[0]]
                tape.advance(moved, start, self.after)
                found.add(self.gradient, self._behind(tape, moved, position))
            replayed = tape.finish(moved, self.after, differentiate=False)
        # Nothing above waits for the device.
        comparisons, (at_end, recorded) = found.results(replayed, recording.loss)
        self._check(at_end, recorded, recording.loss.dtype)
        return comparisons

    def _behind(self, tape: Tape, moved: Position, position: int) -> Parameters:
        if position == 0:
            # Nothing lies before the first layer: there is nothing to measure.
            return self._still(position)
        point = self._mixed(position)
        own = {
            name: self.before[name].detach().requires_grad_()
            for name in self.order[position].parameters
        }
        # Around the whole pass, which then casts a weight once however often it uses it.
        with self.objective.autocast.replayed():
            loss = finish_in_segments(tape, tape.branch(moved), point | own, self.segments)
        return self.objective.gradient_of(loss, own)

    def _still(self, position: int) -> Parameters:
        return {name: self.gradient[name] for name in self.order[position].parameters}

    def _mixed(self, position: int) -> Parameters:
        # Definition 2.1: after the step for all layers before a position, before it for the rest.
        moved = (name for layer in self.order[:position] for name in layer.parameters)
        return self.before | {name: self.after[name] for name in moved}

    def _check(self, replayed: float, recorded: float, dtype: torch.dtype) -> None:
        precision = min([dtype, *self.objective.autocast.dtypes], key=lambda d: -torch.finfo(d).eps)
        if math.isfinite(recorded) and not math.isclose(
            replayed, recorded, rel_tol=torch.finfo(precision).eps ** 0.5
        ):
            raise ReplayError(f"the pass gives {recorded}, and its tape {replayed}")


def spread(positions: list[int], most: int | None) -> list[int]:
    """At most so many of some positions, evenly spaced, the last among them."""
    if most is None or len(positions) <= most:
        return positions
    return [positions[(n + 1) * len(positions) // most - 1] for n in range(most)]


def _chosen(order: list[Layer], layers: Collection[str] | None, every: int) -> list[int]:
    if isinstance(layers, str):
        raise UsageError(
            f"layers = {layers!r}", "it is a list of names", f"give layers=[{layers!r}]"
        )
    names = [layer.name for layer in order]
    if not names:
        raise UsageError(
            "the pass was not seen to use any weight",
            "layers are in the order in which it uses them, which a transform of torch.func hides",
            "compute the loss by a call of the model",
        )
    unknown = [name for name in layers or () if name not in names]
    if unknown:
        raise UsageError(
            f"layers has the unknown entry {unknown[0]!r}",
            f"the network's layers are {', '.join(map(repr, names))}",
            "choose among them",
        )
    wanted = [n for n, name in enumerate(names) if layers is None or name in layers][::every]
    if not wanted:
        raise UsageError(
            "layers is empty", "at least one layer is measured", "leave it out to measure all"
        )
    return wanted


def _check_count(name: str, count: int, rule: str, meaning: str) -> None:
    if count < 1:
        raise UsageError(f"{name} = {count}", f"{rule}, from 1", f"give {name}=1 {meaning}")


def _shift(layer: str, found: Comparison, obstacle: str | None) -> LayerShift:
    return LayerShift(
        layer=layer,
        l2=found.distance,
        relative=found.distance / found.first if found.first else math.nan,
        cosine=found.cosine,
        gradient_norm=found.first,
        obstacle=obstacle,
    )
