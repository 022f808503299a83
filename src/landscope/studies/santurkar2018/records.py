"""What is recorded of the paper's experiments: the settings of a study, and of each of its runs."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from landscope.runs.manifest import Part

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Steps = Annotated[int, Field(ge=1, lt=2**53)]
_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PaperRun(Part):
    """A run of the paper's experiments; what the claims and the report read of it."""

    family: str | None = None
    norm: str | None = None
    lr: _Rate | None = None
    steps: _Steps | None = None
    seed: _Count | None = None


class PaperFamily(Part):
    """One of the paper's set-ups at the size that was run; ``layers`` by figure, from 1."""

    model: str | None = None
    data: str | None = None
    steps: int | None = None
    batch_size: int | None = None
    l2_penalty: float | None = None
    layers: Mapping[str, list[int]] = {}
    probing: Mapping[str, Any] = {}


class PaperPreset(Part):
    """The size at which the paper was run."""

    name: str = "none"
    summary: str | None = None
    vgg: PaperFamily = PaperFamily()
    dln: PaperFamily = PaperFamily()

    def family(self, name: str) -> PaperFamily:
        """One of the set-ups; an empty one where it is neither."""
        return {"vgg": self.vgg, "dln": self.dln}.get(name, PaperFamily())


class PaperStudy(Part):
    """A study of the paper's experiments."""

    preset: PaperPreset = PaperPreset()
