"""What every norm must do, as a suite that anybody's norm can be put through with pytest.

Subclass it, build your norm, and say over what it takes its statistics::

    from landscope.testing.norms import NormConformance


    class TestMyNorm(NormConformance):
        over = "sample"

        def build(self, features, spatial):
            return MyNorm(features)
"""

import copy
import math
from typing import Literal

import torch
from torch import Tensor, nn

from landscope.testing.tolerances import EXACT64, FLOAT32


class NormConformance:
    """The suite: each method named ``test_...`` is one thing that landscope relies on.

    Attributes:
        spatial: Number of spatial dimensions of the inputs, 0 to 3.
        over: What the statistics are taken over: the batch, each sample, or nothing.
        settling_steps: Number of equal batches after which the running statistics of a norm over
            the batch must have settled to them.
    """

    spatial: int = 2
    over: Literal["batch", "sample", "nothing"] = "batch"
    settling_steps: int = 300

    features = 4
    batch_size = 5
    side = 3

    def build(self, features: int, spatial: int) -> nn.Module:
        """Make the norm that is tested: for overriding.

        Args:
            features: Number of features of the inputs, their second dimension.
            spatial: Number of spatial dimensions of the inputs.
        """
        raise NotImplementedError("override build(features, spatial) to return your norm")

    def inputs(self, dtype: torch.dtype = torch.float64) -> Tensor:
        """The same normal numbers each time, of mean 1 and standard deviation 2."""
        shape = (self.batch_size, self.features, *(self.side,) * self.spatial)
        drawn = torch.randn(shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
        return (1 + 2 * drawn).to(dtype)

    def norm(self, dtype: torch.dtype = torch.float64) -> nn.Module:
        """A fresh norm in training mode, its parameters moved off 1 and 0."""
        module = self.build(self.features, self.spatial).to(dtype).train()
        generator = torch.Generator().manual_seed(8)
        with torch.no_grad():
            for parameter in module.parameters():
                moved = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_(0.1 * moved.to(dtype))
        return module

    def test_keeps_shape_and_dtype(self) -> None:
        """Outputs are of the inputs' shape and type, float32 or float64, in both modes."""
        for dtype in (torch.float32, torch.float64):
            inputs = self.inputs(dtype)
            for module in (self.norm(dtype), self.norm(dtype).eval()):
                outputs = module(inputs)
                _require(outputs.shape == inputs.shape, "not so: outputs.shape == inputs.shape")
                _require(outputs.dtype == dtype, "not so: outputs.dtype == dtype")

    def test_float32_agrees_with_float64(self) -> None:
        """A float32 copy computes the same as a float64 one, to float32's accuracy."""
        narrow, wide = self.norm(torch.float32), self.norm(torch.float64)
        # A drawn number differs between types, so evaluation mode is compared.
        narrow(self.inputs(torch.float32))
        wide(self.inputs(torch.float64))
        actual = narrow.eval()(self.inputs(torch.float32))
        FLOAT32.check(actual.detach(), wide.eval()(self.inputs()).detach())

    def test_gradients_are_those_of_the_outputs(self) -> None:
        """Gradients by input and parameter agree with finite differences."""
        module = self.norm()
        names = [name for name, _ in module.named_parameters()]
        state = torch.get_rng_state()

        def outputs(inputs: Tensor, *parameters: Tensor) -> Tensor:
            torch.set_rng_state(state)
            buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
            values = dict(zip(names, parameters, strict=True))
            return torch.func.functional_call(module, (values, buffers), (inputs,))

        parameters = [p.detach().clone().requires_grad_() for p in module.parameters()]
        inputs = self.inputs().requires_grad_()
        _require(
            torch.autograd.gradcheck(outputs, (inputs, *parameters)),
            "not so: torch.autograd.gradcheck(outputs, (inputs, *parameters))",
        )

    def test_every_parameter_gets_a_gradient(self) -> None:
        """A loss on the outputs reaches every entry of every parameter."""
        module = self.norm()
        module(self.inputs().requires_grad_()).square().sum().backward()
        for name, parameter in module.named_parameters():
            if parameter.grad is None:
                raise AssertionError(f"{name} has no gradient")
            _require(parameter.grad.abs().min() > 0, f"an entry of {name} has gradient 0")

    def test_buffers_hold_no_graph(self) -> None:
        """Running statistics are numbers: no step's graph is kept alive in them."""
        module = self.norm()
        module(self.inputs().requires_grad_())
        _require(
            not any(buffer.requires_grad for buffer in module.buffers()),
            "not so: not any(buffer.requires_grad for buffer in module.buffers())",
        )

    def test_a_restored_random_state_replays_the_outputs(self) -> None:
        """What is random comes from PyTorch's default generator alone."""
        module = self.norm()
        state = torch.get_rng_state()
        first = module(self.inputs())
        torch.set_rng_state(state)
        _require(
            torch.equal(module(self.inputs()), first),
            "not so: torch.equal(module(self.inputs()), first)",
        )

    def test_evaluation_mode_leaves_buffers_and_randomness_alone(self) -> None:
        """Evaluation mode is a function: same in, same out."""
        module = self.norm()
        module(self.inputs())
        module.eval()
        before = copy.deepcopy(module.state_dict())
        state = torch.get_rng_state()
        first = module(self.inputs())
        _require(
            torch.equal(module(self.inputs()), first),
            "not so: torch.equal(module(self.inputs()), first)",
        )
        _require(
            torch.equal(torch.get_rng_state(), state),
            "not so: torch.equal(torch.get_rng_state(), state)",
        )
        _assert_equal_states(module.state_dict(), before)

    def test_the_inputs_are_left_alone(self) -> None:
        """The inputs are not changed in place."""
        inputs = self.inputs()
        self.norm()(inputs)
        _require(torch.equal(inputs, self.inputs()), "not so: torch.equal(inputs, self.inputs())")

    def test_state_dict_goes_there_and_back(self) -> None:
        """All that a norm has learned is in its state dict."""
        module, other = self.norm(), self.build(self.features, self.spatial).double()
        module(self.inputs())
        other.load_state_dict(module.state_dict())
        _assert_equal_states(other.state_dict(), module.state_dict())
        _require(
            torch.equal(other.eval()(self.inputs()), module.eval()(self.inputs())),
            "not so: torch.equal(other.eval()(self.inputs()), module.eval()(self.inputs()))",
        )

    def test_functional_call_leaves_the_module_alone(self) -> None:
        """Measured with other tensors, the module keeps its own."""
        module = self.norm()
        before = copy.deepcopy(module.state_dict())
        own = {name: value.clone() for name, value in module.state_dict().items()}
        state = torch.get_rng_state()
        called = torch.func.functional_call(module, own, (self.inputs(),))
        _assert_equal_states(module.state_dict(), before)
        torch.set_rng_state(state)
        _require(
            torch.equal(module(self.inputs()), called),
            "not so: torch.equal(module(self.inputs()), called)",
        )

    def test_moves_between_devices(self) -> None:
        """``module.to(device)`` takes along all that a forward pass needs."""
        # The meta device is on every machine; there, anything left behind is an error.
        for device in ("cuda", "meta") if torch.cuda.is_available() else ("meta",):
            module = self.norm().to(device)
            for mode in (module.train(), module.eval()):
                _require(
                    mode(self.inputs().to(device)).device.type == device,
                    "not so: mode(self.inputs().to(device)).device.type == device",
                )
            _require(
                {value.device.type for value in module.state_dict().values()} <= {device},
                "not so: {value.device.type for value in module.state_dict().values()} <= {device}",
            )

    def test_nonfinite_inputs_do_not_raise(self) -> None:
        """A diverged network is a result; and a NaN is not made up into a number."""
        for value in (float("nan"), float("inf"), -float("inf")):
            inputs = self.inputs()
            inputs[0, 0] = value
            for module in (self.norm(), self.norm().eval()):
                outputs = module(inputs)
                if math.isnan(value):
                    _require(outputs[0, 0].isnan().all(), "a NaN was hidden")

    def test_training_statistics_are_over_what_they_should_be(self) -> None:
        """Other samples matter in training mode for ``over = "batch"`` only."""
        module, others_changed = self.norm(), self.inputs()
        others_changed[1:] = others_changed[1:].flip(0) * 3 + 1
        state = torch.get_rng_state()
        sample = module(self.inputs())[0]
        torch.set_rng_state(state)
        sample_with_others = module(others_changed)[0]
        _require(
            torch.equal(sample, sample_with_others) == (self.over != "batch"),
            'not so: torch.equal(sample, sample_with_others) == (self.over != "batch")',
        )

    def test_evaluation_looks_at_one_sample_at_a_time(self) -> None:
        """In evaluation mode no sample's output depends on another's input."""
        module = self.norm()
        module(self.inputs())
        module.eval()
        alone = torch.cat([module(sample) for sample in self.inputs().split(1)])
        EXACT64.check(alone.detach(), module(self.inputs()).detach())

    def test_running_statistics_settle_on_the_batch(self) -> None:
        """Fed one batch again and again, evaluation centres that batch."""
        module = self.build(self.features, self.spatial).double().train()
        if self.over != "batch":
            before = copy.deepcopy(module.state_dict())
            module(self.inputs())
            _assert_equal_states(module.state_dict(), before)
            return
        for _ in range(self.settling_steps):
            module(self.inputs())
        outputs = module.eval()(self.inputs()).detach()
        mean = outputs.transpose(0, 1).flatten(1).mean(1)
        FLOAT32.check(1 + mean, torch.ones(self.features, dtype=torch.float64))

    def test_a_norm_over_the_batch_refuses_a_single_value(self) -> None:
        """One value for each feature is an error, and changes no buffer."""
        if self.over != "batch":
            return
        single = torch.ones(1, self.features, *(1,) * self.spatial, dtype=torch.float64)
        before = copy.deepcopy(self.norm().state_dict())
        module = self.norm()
        try:
            module(single)
        except ValueError:
            _assert_equal_states(module.state_dict(), before)
        else:
            raise AssertionError("a batch with one value for each feature was normalised")
        _require(
            module.eval()(single).shape == single.shape,
            "not so: module.eval()(single).shape == single.shape",
        )


def _assert_equal_states(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    _require(actual.keys() == expected.keys(), "not so: actual.keys() == expected.keys()")
    for name, value in expected.items():
        _require(torch.equal(actual[name], value), f"{name} is not what it was")


def _require(holds: bool | Tensor, failure: str) -> None:
    """A check that also stands under ``python -O``, which takes ``assert`` away."""
    if not holds:
        raise AssertionError(failure)
