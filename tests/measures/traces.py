"""Everything that a measurement could disturb, to be compared before and after."""

import numpy as np
import torch
from torch import Tensor, nn


def identity_and_bytes(tensor: Tensor | None) -> tuple[object, ...] | None:
    """Which tensor it is, where it lies, and what it holds."""
    if tensor is None:
        return None
    content = tensor.detach().contiguous().numpy().tobytes()
    return id(tensor), tensor.data_ptr(), tensor.shape, tensor.dtype, tensor.requires_grad, content


def trace(model: nn.Module, *tensors: Tensor) -> dict[str, object]:
    """What must be equal before and after: two traces with nothing between them are.

    Python's own random stream is not among it: beartype, which checks all types while the tests
    run, draws from it. A test of its own looks at it without beartype.
    """
    found: dict[str, object] = {
        "torch random state": torch.get_rng_state().numpy().tobytes(),
        "numpy random state": np.random.get_state()[1].tobytes(),
        "gradients enabled": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "given tensors": [identity_and_bytes(tensor) for tensor in tensors],
        "modules": [(name, id(module)) for name, module in model.named_modules()],
    }
    for name, parameter in model.named_parameters(remove_duplicate=False):
        found[f"parameter {name}"] = identity_and_bytes(parameter)
        found[f"gradient of {name}"] = identity_and_bytes(parameter.grad)
        found[f"hooks of parameter {name}"] = len(parameter._backward_hooks or ())
    for name, buffer in model.named_buffers(remove_duplicate=False):
        found[f"buffer {name}"] = identity_and_bytes(buffer)
    for name, module in model.named_modules():
        found[f"mode of {name}"] = module.training
        found[f"attributes of {name}"] = sorted(vars(module))
        found[f"hooks of {name}"] = {
            kind: len(hooks) for kind, hooks in vars(module).items() if kind.endswith("_hooks")
        }
        found[f"tensors kept by {name}"] = {
            key: identity_and_bytes(value)
            for key, value in vars(module).items()
            if isinstance(value, Tensor)
        }
        found[f"tensors kept in lists of {name}"] = {
            key: [identity_and_bytes(t) for t in value if isinstance(t, Tensor)]
            for key, value in vars(module).items()
            if isinstance(value, list)
        }
    return found
