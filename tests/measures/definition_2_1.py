"""A case measured by `covariate_shift`, and the same by a whole copy for each layer."""

import numpy as np
import torch
from tests.measures.comparison import assert_exact
from tests.measures.traces import trace
from tests.reference.covariate_shift import covariate_shift as reference
from tests.reference.line import line as line_by_hand
from torch.utils._pytree import tree_leaves

import landscope

SEED = 21
QUANTITIES = ("l2", "relative", "cosine", "gradient_norm")


def seeded():
    """Torch's and NumPy's streams where the reference starts them."""
    torch.manual_seed(SEED)
    np.random.seed(SEED)


def measured(case, *, after=None, **options):
    """What `covariate_shift` says of the case, its draws seeded."""
    seeded()
    return landscope.covariate_shift(
        case.model,
        case.loss_fn,
        case.inputs,
        case.targets,
        after=case.parameters_after_a_step() if after is None else after,
        **options,
    )


def by_hand(case, *, after=None):
    """What Definition 2.1 says of it."""
    return reference(
        case.model,
        case.loss_fn,
        case.inputs,
        case.targets,
        layers=list(case.layers.values()),
        after=case.parameters_after_a_step() if after is None else after,
        seed=SEED,
    )


def assert_line_is_a_walk_by_hand(case, etas=(0.05, 0.4)):
    """The losses and the betas of a line, to rounding."""
    batch = (case.model, case.loss_fn, case.inputs, case.targets)
    expected = line_by_hand(*batch, etas=etas, seed=SEED)
    seeded()
    found = landscope.line(*batch, etas=etas)
    assert_exact(found.losses, expected.losses)
    assert_exact(found.betas, expected.betas)


def assert_leaves_no_trace(case):
    """Measuring changes neither the model, the batch, the point after the step nor the streams."""
    for parameter in list(case.model.parameters())[::2]:
        parameter.grad = torch.full_like(parameter, 0.5)
    after = case.parameters_after_a_step()
    leaves = [*tree_leaves((case.inputs, case.targets)), *after.values()]
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    seeded()
    before = trace(case.model, *tensors)
    measured(case, after=after)
    assert trace(case.model, *tensors) == before
    landscope.line(case.model, case.loss_fn, case.inputs, case.targets, etas=[0.1])
    assert trace(case.model, *tensors) == before


def assert_is_definition_2_1(shifts, case, expected):
    """The same layers in the same order, and every quantity of each to rounding."""
    assert [shift.layer for shift in shifts] == list(case.layers)
    for quantity in QUANTITIES:
        assert_exact(
            [getattr(shift, quantity) for shift in shifts],
            [getattr(shift, quantity) for shift in expected],
        )
