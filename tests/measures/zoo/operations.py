"""Single operations between layers, of every kind that torch has.

Each takes what a layer gives, (8, 6), and gives what the next one gets, of the same shape.
"""

import copy
import io
from collections.abc import Callable

import torch
from tests.measures.networks import Case, built, classes, gaussian, weight_and_bias
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel


class Twice(nn.Module):
    """One operation behind the first layer and behind the second."""

    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.third(self.operation(self.second(self.operation(self.first(x)))))


def default_type(h: Tensor) -> Tensor:
    torch.set_default_dtype(torch.float64)
    try:
        return h + torch.ones(6) / 10
    finally:
        torch.set_default_dtype(torch.float32)


def gradients_off_and_on(h: Tensor) -> Tensor:
    torch.set_grad_enabled(False)
    scale = h.exp().mean()
    torch.set_grad_enabled(True)
    return h / scale


def out_argument(h: Tensor) -> Tensor:
    twice = torch.empty_like(h, requires_grad=False)
    torch.mul(h.detach(), 2, out=twice)
    return h + twice


def device_context(h: Tensor) -> Tensor:
    with torch.device("cpu"):
        return h * torch.arange(6.0).double() / 6


def chosen_kernel(h: Tensor) -> Tensor:
    with sdpa_kernel(SDPBackend.MATH):
        return functional.scaled_dot_product_attention(h[None], h[None], h[None])[0]


def data_in_place(h: Tensor) -> Tensor:
    h = h * 1
    h.data = h.data.clamp(-0.5, 0.5)
    return h


def asks_for_a_gradient(h: Tensor) -> Tensor:
    constant = h.detach()
    constant.requires_grad = True
    return h * constant.detach()


def saved_elsewhere(h: Tensor) -> Tensor:
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone() * 2, lambda t: t / 2):
        return h.sin()


def experts(h: Tensor) -> Tensor:
    """Rows go to one expert or the other, with a mask drawn for as many as there are."""
    choice, out = h[:, :2].argmax(1), torch.zeros_like(h)
    for expert in range(2):
        rows = (choice == expert).nonzero()[:, 0]
        out[rows] = functional.dropout(torch.tanh(h[rows]) * (expert + 1), 0.3)
    return out


def two_kinds_of_rows(h: Tensor) -> Tensor:
    high, out = h.mean(1) > h.mean(), torch.zeros_like(h)
    out[high] = h[high].tanh()
    out[~high] = h[~high].sin()
    return out


def written_at_indices(h: Tensor) -> Tensor:
    h = h.clone()
    h[h.argmax(0), torch.arange(6)] = 0.0
    h[0] = h.detach().mean()
    h[..., None, 0:1][:, 0] *= 2
    return h


def copied_and_saved(h: Tensor) -> Tensor:
    file = io.BytesIO()
    torch.save(h.detach(), file)
    file.seek(0)
    return h * torch.load(file) + copy.deepcopy(h.detach()).mean()


def storage_filled(h: Tensor) -> Tensor:
    constant = h.detach().clone()
    constant.untyped_storage().fill_(0)
    return h.tanh() + constant


def other_storage(h: Tensor) -> Tensor:
    constant = torch.empty(0, dtype=h.dtype)
    constant.set_(h.detach())
    return h * constant


def node_hook(h: Tensor) -> Tensor:
    h = h.tanh()
    if h.grad_fn is not None:
        h.grad_fn.register_prehook(lambda gradients: tuple(g * 0.3 for g in gradients))
    return h


@torch.library.custom_op("landscope_tests::square", mutates_args=())
def square(x: Tensor) -> Tensor:
    return x * x


square.register_autograd(lambda _, gradient: 0.3 * gradient)


class Subclass(torch.Tensor):
    """Nothing but another type."""


def rate(h: Tensor) -> Tensor:
    return h.detach().sigmoid()


def place(h: Tensor) -> Tensor:
    return h.detach()[0].argmax()


OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "default type": default_type,
    "gradients off and on": gradients_off_and_on,
    "out=": out_argument,
    "a device's context": device_context,
    "a chosen kernel": chosen_kernel,
    "data in place": data_in_place,
    "asks for a gradient": asks_for_a_gradient,
    "saved elsewhere": saved_elsewhere,
    "experts": experts,
    "two kinds of rows": two_kinds_of_rows,
    "written at indices": written_at_indices,
    "copied and saved": copied_and_saved,
    "storage filled": storage_filled,
    "mean of a selection": lambda h: h + h[h > 0].mean(),
    "rows of a selection": lambda h: h + h[h.mean(1) >= h.mean()].view(-1, 6).mean(0),
    "unique": lambda h: h + torch.unique(h.detach().round()).mean(),
    "a column at an index": lambda h: h * h[:, place(h), None],
    "up to an index": lambda h: h + h[:, : place(h) + 1].sum(1, keepdim=True),
    "narrowed at an index": lambda h: h + h.narrow(1, place(h), 1),
    "rolled by an item": lambda h: h.roll(place(h).item(), 1),
    "as many as a tensor says": lambda h: h * torch.linspace(0.1, h.detach().max(), 6).double(),
    "filled with a tensor": lambda h: h * torch.full((6,), h.detach().max(), dtype=h.dtype),
    "a tensor of tensors": lambda h: h * torch.tensor([h.detach().max(), *range(5)]).double(),
    "a tensor for a number": lambda h: torch.add(h, h, alpha=h.detach().max()),
    "a tensor for a bound": lambda h: h.clamp(min=h.detach().mean()),
    "a tensor for a power": lambda h: h.abs() ** h.detach().mean(),
    "complex numbers": lambda h: torch.view_as_real(torch.fft.fft(h)).prod(-1).tanh(),
    "a linear system": lambda h: torch.linalg.solve(h.T @ h + torch.eye(6).double(), h.T).T,
    "named results": lambda h: h * h.aminmax(dim=1, keepdim=True).max + torch.var_mean(h)[1],
    "rows one by one": lambda h: torch.stack([row * row.sum() for row in h]),
    "columns one by one": lambda h: torch.stack([c * c.detach().sum() for c in h.T], 1),
    "its version": lambda h: (h * 1).add_(1).tanh() * (h * 1).add_(1)._version,
    "a sample of classes": lambda h: h + torch.multinomial(rate(h), 6).double() / 10,
    "rows shuffled": lambda h: h[torch.randperm(8)] / 2 + h,
    "exponential": lambda h: h + torch.empty_like(h).exponential_(),
    "geometric": lambda h: h * torch.empty_like(h).geometric_(0.5),
    "binomial": lambda h: functional.dropout(h + torch.binomial(torch.full_like(h, 5), rate(h))),
    "bernoulli": lambda h: functional.dropout(h * torch.bernoulli(rate(h)), 0.3),
    "a beta variable": lambda h: h * torch.distributions.Beta(h.exp(), 2.0).rsample(),
    "a pool at random": lambda h: (
        functional.fractional_max_pool2d(h.view(8, 1, 2, 3), (1, 1), output_size=(1, 2)).sum(
            (1, 2, 3)
        )[:, None]
        * h
    ),
    "unpooled": lambda h: (
        functional.max_unpool1d(
            *functional.max_pool1d(h[:, None], 2, return_indices=True), 2
        ).squeeze(1)
        + h
    ),
    "unfolded and folded": lambda h: functional.fold(
        functional.unfold(h.view(8, 1, 2, 3), (2, 2)).tanh(), (2, 3), (2, 2)
    ).view(8, 6),
    "for each of a list": lambda h: torch.prod(torch.stack(torch._foreach_mul([h, h.sin()], 2)), 0),
    "by its inner name": lambda h: torch.ops.aten.tanh.default(h) * torch.ops.aten.mean(h),
    "an operation of its own": lambda h: square(h),
    "a subclass": lambda h: (h.as_subclass(Subclass) * 2).tanh().as_subclass(Tensor),
    "another's storage": other_storage,
    "a hook on a node": node_hook,
}


def around(operation: Callable[[Tensor], Tensor]) -> Case:
    """A network with the operation in two places."""
    layers = {name: weight_and_bias(name) for name in ("first", "second", "third")}
    inputs, targets = gaussian(8, 4), classes(8)
    return built(lambda: Case(Twice(operation), functional.cross_entropy, inputs, targets, layers))


NETWORKS = {
    f"operation: {name}": lambda operation=operation: around(operation)
    for name, operation in OPERATIONS.items()
}
