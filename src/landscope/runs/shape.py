"""What the manifests of a study of each kind hold, as far as figures and claims rely on it.

A manifest is anybody's, and its checksum only says that it is whole. Whoever draws and judges does
so on these types, and not on whatever JSON can hold.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from landscope.errors import RecordError
from landscope.studies.comparison import configuration as comparison
from landscope.studies.santurkar2018 import experiments as santurkar2018

MAX_PLACES = 10_000
"""Norms times rates times seeds of a comparison: short lists must not make a table without end."""


def _known(norm: str) -> str:
    if norm not in comparison.COMPARED_NORMS:
        raise ValueError("it is no norm that this landscope knows")
    return norm


_Norm = Annotated[str, AfterValidator(_known)]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Steps = Annotated[int, Field(ge=1, lt=2**53)]
_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _PaperRun(_Part):
    family: str | None = None
    norm: str | None = None
    lr: _Rate | None = None
    steps: _Steps | None = None
    seed: _Count | None = None


class _ComparedRun(_Part):
    norm: _Norm
    lr: _Rate
    seed: _Count
    steps: _Steps


class _Comparison(_Part):
    norms: list[_Norm] | None = None
    lrs: list[_Rate] | None = None
    seeds: list[_Count] | None = None

    @model_validator(mode="after")
    def _is_of_a_size(self) -> "_Comparison":
        places = 1
        for listed in (self.norms, self.lrs, self.seeds):
            places *= len(listed or ())
        if places > MAX_PLACES:
            raise ValueError(f"a comparison has at most {MAX_PLACES} runs")
        return self


class Shape(NamedTuple):
    """What is held to what: the study's manifest, and the configuration of each of its runs."""

    study: type[BaseModel]
    config: type[BaseModel]


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        santurkar2018.STUDY: Shape(_Part, _PaperRun),
        comparison.STUDY: Shape(_Comparison, _ComparedRun),
    }
)
"""By the name of the kind in the manifest."""


def check_shape(path: Path, shape: type[BaseModel], content: Mapping[str, Any]) -> None:
    """Refuses a manifest, or a part of it, whose fields have other types.

    Args:
        path: The manifest's file, for the error.
        shape: What it should hold.
        content: What it holds.

    Raises:
        RecordError: A field is missing, or is of another type.
    """
    try:
        shape.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RecordError(
            str(path),
            f"the manifest is wrong: {f'{where}: ' if where else ''}{first['msg']}",
            "restore the file, or run it again in a new folder",
        ) from error
