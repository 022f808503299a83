"""A training step of a network, and everything that a probe is given of it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from benchmarks.baselines import Row, Update, frugal, literal
from benchmarks.layers import Layer, layers_of
from benchmarks.networks import Network
from landscope.measures.covariate_shift import LayerShift, shift_of_layers
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters


@dataclass(frozen=True, eq=False)
class Step:
    """One training step that was taken, and can be taken again.

    Args:
        network: The row that it belongs to.
        model: The model, after the step.
        optimizer: What updates it.
        inputs: The batch.
        targets: Its targets.
        objective: The batch with the running statistics and random streams before the step.
        before: Copies of the parameters before it.
        after: Copies of them after it.
        gradient: The gradient that the optimiser used.
        layers: The layers in the order of execution, found without landscope.
    """

    network: Network
    model: nn.Module
    optimizer: torch.optim.Optimizer
    inputs: Tensor
    targets: Tensor
    objective: Objective
    before: Parameters
    after: Parameters
    gradient: Parameters
    layers: list[Layer]

    @classmethod
    def taken(
        cls,
        network: Network,
        samples: int | None = None,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> "Step":
        """Make the model and its batch, and train one step.

        Args:
            network: The row of the table.
            samples: Samples in the batch; the row's own number unless given.
            device: Where it runs.
            dtype: Type of the parameters, and of inputs and targets that are numbers.
        """
        model = network.make().to(device, dtype)
        inputs, targets = (
            tensor.to(device, dtype if tensor.is_floating_point() else None)
            for tensor in network.batch(samples or network.samples)
        )
        layers = layers_of(model, inputs)
        optimizer = torch.optim.SGD(model.parameters(), lr=network.lr)
        step = cls(
            network=network,
            model=model,
            optimizer=optimizer,
            inputs=inputs,
            targets=targets,
            objective=Objective.now(model, network.loss_fn, inputs, targets),
            before=copies(model),
            after={},
            gradient={},
            layers=layers,
        )
        step.train()
        gradient = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        return replace(step, after=copies(model), gradient=gradient)

    def train(self) -> None:
        """Take one training step from where the model stands."""
        self.optimizer.zero_grad(set_to_none=True)
        self.network.loss_fn(self.model(self.inputs), self.targets).backward()
        self.optimizer.step()

    def ours(self) -> list[LayerShift]:
        """The shift of each layer, as the probe asks for it."""
        return shift_of_layers(self.objective, self.before, self.after, gradient=self.gradient)

    def literal(self) -> list[Row]:
        """The same with a whole pass to all weights for each layer."""
        return literal(self._update)

    def frugal(self) -> list[Row]:
        """The same with a whole pass to a layer's own weights for each but the first."""
        return frugal(self._update)

    @property
    def _update(self) -> Update:
        return Update(
            model=self.model,
            loss_fn=self.network.loss_fn,
            inputs=self.inputs,
            targets=self.targets,
            layers=self.layers,
            before=self.before,
            after=self.after,
            gradient=self.gradient,
            buffers=self.objective.buffers,
        )

    def forget_gradients(self) -> None:
        """Let go of what the last backward pass left in the model."""
        self.optimizer.zero_grad(set_to_none=True)

    @property
    def held_by_training(self) -> list[object]:
        """Tensors that are alive in a training step before it begins."""
        return [self.model.state_dict(), self.inputs, self.targets]

    @property
    def held_by_a_probe(self) -> list[object]:
        """Tensors that are alive when a probe looks at the step."""
        # The parameters after it are copies only here, where more steps are taken.
        snapshot = [self.before, self.gradient, self.objective.buffers]
        return [*self.held_by_training, *snapshot]


def copies(model: nn.Module) -> Parameters:
    """The parameters that are trained, in memory of their own."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
