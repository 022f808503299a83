"""The options of the commands that run a study, each with the help that it shows."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_origin

from cyclopts import Parameter, Token
from cyclopts.exceptions import CoercionError

from landscope.studies.santurkar2018.experiments import PresetName

_DIGITS = re.compile(r"[+-]?[0-9]{1,100}")  # a longer list would only take time to read


def whole_numbers(type_: Any, tokens: Sequence[Token]) -> Any:
    """Converter of cyclopts, which would round ``1.5`` to 2: a number, or a tuple of them.

    Raises:
        CoercionError: One of them is no whole number.
    """
    for token in tokens:
        if not _DIGITS.fullmatch(token.value):
            raise CoercionError(token=token, target_type=int)
    numbers = tuple(int(token.value) for token in tokens)
    return numbers if get_origin(type_) is tuple else numbers[0]


def _spaced(values: tuple[object, ...]) -> str:
    """A list as it is typed."""
    return " ".join(map(str, values))


# Of both commands.
Device = Annotated[
    str | None,
    Parameter(help="Device, as torch names it: cpu, cuda, cuda:1. Default: a GPU if there is one."),
]
Workers = Annotated[
    int | None,
    Parameter(
        help="Number of parallel runs. Default: the number of cores, or 1 on a GPU.",
        converter=whole_numbers,
    ),
]
Only = Annotated[
    tuple[str, ...],
    Parameter(
        help="Only these runs, by the ids that `landscope status` shows: to retry one that failed.",
        consume_multiple=1,
        negative="",
        show_default=False,
    ),
]
CheckpointEvery = Annotated[
    float,
    Parameter(
        help="Seconds between two checkpoints of a run, from which it resumes after a stop; 0 for "
        "one after every step, `inf` for none."
    ),
]
AcceptChanges = Annotated[
    bool,
    Parameter(
        help="Resume a study although PyTorch, the device or anything else that changes last bits "
        "differs from the start. The records say so.",
        negative="",
        show_default=False,
    ),
]

# Of `landscope reproduce`.
Preset = Annotated[
    PresetName,
    Parameter(
        help="Size: `quick` takes minutes on 2 cores and needs no download; `standard` takes "
        "CIFAR-10 and up to an hour; `paper` has the paper's own sizes, for a GPU."
    ),
]
Figures = Annotated[
    tuple[int, ...],
    Parameter(
        help="Figures of the paper, 1 to 6 or 8 to 13, as in `--figure 3 4`, to run only what they "
        "need. Default: all.",
        converter=whole_numbers,
        consume_multiple=1,
        negative="",
        show_default=False,
    ),
]
Seed = Annotated[
    int,
    Parameter(help="Seed of weights, data order and noise, 0 or more.", converter=whole_numbers),
]
DataDir = Annotated[
    Path | None,
    Parameter(help="Folder with CIFAR-10's binary version, to avoid the download."),
]
Out = Annotated[
    Path | None,
    Parameter(
        help="Folder of the study. Default: `runs/` and the study's name. Started again there, it "
        "resumes."
    ),
]

# Of `landscope compare`.
Model = Annotated[
    str,
    Parameter(
        help="Your function that makes the model, as `module:make_model` or "
        "`path/to/file.py:make_model`: called without arguments under PyTorch's seed. A module "
        "alone means its `make_model`."
    ),
]
Data = Annotated[
    str | None,
    Parameter(
        help="Your function `make_batches(seed)`: an iterable of batches, pairs (inputs, targets) "
        "or whatever the loss takes; called again for each epoch. Default: that of the model's "
        "module.",
    ),
]
Loss = Annotated[
    str | None,
    Parameter(
        help="Your function `loss_fn(model, batch)`, one number. "
        "Default: cross-entropy on (inputs, targets)."
    ),
]
Optimizer = Annotated[
    str,
    Parameter(
        help="`sgd` (without momentum), `adamw`, or your function `make_optimizer(model, lr)` "
        "as `module:make_optimizer`."
    ),
]
Norms = Annotated[
    tuple[str, ...],
    Parameter(
        help="Norms that replace the model's: none, batch, group, layer, instance, rms, l1, l2, "
        "linf, noisy-batch, noise; or as-is, the model as it is given.",
        consume_multiple=1,
        negative="",
        show_default=_spaced,
    ),
]
LearningRates = Annotated[
    tuple[float, ...],
    Parameter(help="Learning rates.", consume_multiple=1, negative="", show_default=_spaced),
]
Seeds = Annotated[
    tuple[int, ...],
    Parameter(
        help="Seeds of weights, batches and noise; with fewer than 3 nothing is decided.",
        converter=whole_numbers,
        consume_multiple=1,
        negative="",
        show_default=_spaced,
    ),
]
Steps = Annotated[int, Parameter(help="Updates of each run.", converter=whole_numbers)]
Every = Annotated[
    int | None,
    Parameter(
        help="Steps between two measurements. Default: a twentieth of the steps.",
        converter=whole_numbers,
    ),
]
Insert = Annotated[
    bool,
    Parameter(help="Put norms behind layers that have none.", negative="", show_default=False),
]
Also = Annotated[
    tuple[str, ...],
    Parameter(
        help="Norm classes of your own to replace too, with the place of their features: "
        "`MyNorm=last`, or `=first` for right after the batch.",
        consume_multiple=1,
        negative="",
        show_default=False,
    ),
]
Keep = Annotated[
    tuple[str, ...],
    Parameter(
        help="Norms to keep, by their name in the model or their class.",
        consume_multiple=1,
        negative="",
        show_default=False,
    ),
]
OutOfComparison = Annotated[
    Path | None,
    Parameter(
        help="Folder of the study. Default: `runs/compare-` and the module's name. Started again "
        "there, with more norms, rates or seeds if you like, it resumes."
    ),
]
