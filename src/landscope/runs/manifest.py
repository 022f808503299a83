"""The manifest: what a study or a run was made with, in one JSON file that is written whole."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, NoReturn, Self, TypeVar, cast
from zlib import crc32

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from landscope import __version__
from landscope.errors import RecordError, UsageError
from landscope.runs.disk import reading_file, whole_file

FORMAT = 1
MAX_BYTES = 4 * 2**20
MAX_VALUES = 100_000
"""Parsed, a value of three bytes takes a hundred: both together bound what a reader allocates."""

MAX_RUNS = 10_000
MAX_CHARACTERS = 128
"""Of a run's id."""

_CHECKSUM = "crc32"
_RESTS_ON = ("torch", "numpy", "scipy", "safetensors", "pydantic")
_FORBIDDEN = frozenset('/\\:*?"<>|')


def flaw_of(run_id: str) -> str | None:
    """What makes an id unfit to name a folder, or None where nothing does."""
    if not run_id:
        return "it is empty"
    if len(run_id) > MAX_CHARACTERS:
        return f"it has {len(run_id)} characters, and {MAX_CHARACTERS} are allowed"
    if run_id.startswith("."):
        return "it starts with a dot"
    if ".." in run_id:
        return "it has two dots in a row"
    if run_id.endswith((".", " ")):
        return "it ends with a dot or a space"
    odd = sorted({letter for letter in run_id if letter in _FORBIDDEN or not letter.isprintable()})
    if odd:
        return f"it has {', '.join(map(ascii, odd))} in it"
    return None


def _fit_id(run_id: str) -> str:
    flaw = flaw_of(run_id)
    if flaw is not None:
        raise ValueError(flaw)
    return run_id


class Part(BaseModel):
    """A value of a manifest, or a part of one; further fields are kept as they are."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class Manifest(Part):
    """What every manifest has.

    Attributes:
        format: Version of the manifest's layout.
    """

    format: int = Field(ge=1)

    @property
    def content(self) -> dict[str, Any]:
        """The fields that it was given, as plain values."""
        return self.model_dump(exclude_unset=True)

    def changed(self, **fields: Any) -> Self:
        """The same with other values in some fields, which are of the right types."""
        return self.model_copy(update=fields)


class PlannedRun(Part):
    """A run that is part of a study, begun or not.

    Attributes:
        id: Its id.
        steps: Its steps.
        digest: SHA-256 of its configuration.
    """

    id: Annotated[str, AfterValidator(_fit_id)]
    steps: int = Field(ge=0, lt=2**53)
    digest: str


class Change(Part):
    """What changed under a study that goes on.

    Attributes:
        when: In ISO 8601.
        names: What among the ``identity`` changed.
        to: The identity since.
    """

    when: str
    names: list[str]
    to: Mapping[str, Any]


class StudyManifest(Manifest):
    """A study's manifest; what its kind alone has is among the further fields.

    Attributes:
        study: Name of the kind.
        preset: The preset's settings, with the numbers of the layers that figures show.
        figures: Numbers of the figures that were asked for.
        seed: The one seed from which all random streams are derived.
        device: As torch names it.
        code: Digests of the user's own files.
        runs: All of its runs.
        identity: What else changes bits.
        threads: Of each run.
        workers: Runs side by side.
        started: When, in ISO 8601.
        seconds: What it took; None while it is not finished.
        landscope: Version that wrote it.
        versions: Versions of what it was run with, by package.
        changes: What has changed since it was begun.
    """

    study: str
    preset: Mapping[str, Any] = {}
    figures: list[int] = []
    seed: int | None = None
    device: str | None = None
    code: Any = None
    runs: list[PlannedRun] = Field(default=[], max_length=MAX_RUNS)
    identity: Mapping[str, Any] | None = None
    threads: int | None = None
    workers: int | None = Field(default=None, ge=1, lt=2**31)
    started: str | None = None
    seconds: float | None = None
    landscope: str | None = None
    versions: Mapping[str, Any] = {}
    changes: list[Change] = []

    def unlike(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What it says of those fields of which something else is asked for."""
        own = self.content
        return {name: own.get(name) for name, value in asked.items() if own.get(name) != value}


class Resumed(Part):
    """Where a run was taken up again.

    Attributes:
        step: Steps that it had taken.
        when: In ISO 8601.
        changes: What had changed of its ``identity``, by name: what it was, and what it is.
    """

    step: int
    when: str
    changes: Mapping[str, Any]


class RunManifest(Manifest):
    """A run's manifest.

    Attributes:
        id: The run's id, which is also its folder's name.
        config: The run's configuration, as plain values.
        layers: Names of the layers in the order of execution.
        seed: As for a study.
        initial_weights: Checksum of the weights before the first step.
        parameters: Number of the network's parameters.
        device: As torch names it.
        threads: Of the run.
        config_digest: SHA-256 of the configuration.
        code: As for a study.
        identity: As for a study; of a run that was taken up again, what it was begun with.
        landscope: As for a study.
        versions: As for a study.
        resumed: Where it was taken up again.
        begun: When it was begun or taken up again, in ISO 8601.
    """

    id: Annotated[str, AfterValidator(_fit_id)]
    config: Mapping[str, Any]
    layers: list[str]
    seed: int | None = None
    initial_weights: Any = None
    parameters: Any = None
    device: str | None = None
    threads: int | None = None
    config_digest: str | None = None
    code: Any = None
    identity: Mapping[str, Any] = {}
    landscope: str | None = None
    versions: Mapping[str, Any] = {}
    resumed: list[Resumed] = []
    begun: Any = None


_M = TypeVar("_M", bound=Manifest)


def manifest_of(kind: type[_M], fields: Mapping[str, Any], name: str = "manifest") -> _M:
    """The manifest of some fields.

    Args:
        kind: Which.
        fields: Plain values.
        name: What it is called in an error.

    Raises:
        UsageError: They are the wrong fields, or values that JSON cannot hold.
    """
    remedy = f"give plain values, as in {kind.__name__}.model_dump(mode='json')"
    try:
        return kind.model_validate(json.loads(json.dumps(dict(fields), allow_nan=False)))
    except ValidationError as error:
        raise UsageError(name, f"the manifest is wrong: {_first(error)}", remedy) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(name, f"the manifest is not JSON: {error}", remedy) from error


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replaces the manifest at ``path``, wholly or not at all.

    The file carries a checksum of its content, so that a changed setting is found out.

    Raises:
        UsageError: It has values that JSON cannot hold, or too many.
        StorageError: The folder cannot be written.
    """
    content = manifest_of(type(manifest), manifest.content, path.name).content
    if _CHECKSUM in content or manifest.format != FORMAT:
        raise UsageError(
            path.name,
            f"the manifest must have the format {FORMAT} and no field {_CHECKSUM}",
            "leave the checksum to the writer",
        )
    text = json.dumps({**content, _CHECKSUM: _checksum(content)}, indent=2)
    encoded = text.encode("ascii") + b"\n"
    flaw = _flaw_of(encoded)
    if flaw is not None:  # what could not be read back is not written
        raise UsageError(path.name, flaw, "keep lists and tables out of it, in files of their own")
    with whole_file(path) as temporary:
        temporary.write_bytes(encoded)


def read_manifest(path: Path, kind: type[_M]) -> _M:
    """The manifest at ``path``, equal to what was given to ``write_manifest``.

    Raises:
        RecordError: It is missing, cut, garbled, changed, or was written by a newer landscope.
    """
    with reading_file(path) as file:
        encoded = file.read(MAX_BYTES + 1)
    flaw = _flaw_of(encoded)
    if flaw is not None:
        raise _damaged(str(path), flaw)
    try:
        parsed = parse(encoded)
        if not isinstance(parsed, dict):
            raise _damaged(str(path), "the manifest is not a JSON object")
        content = cast(dict[str, Any], parsed)
        written = content.pop(_CHECKSUM, None)
        expected = _checksum(content)
    except ValueError as error:
        raise _damaged(str(path), "the manifest is cut or garbled") from error
    if written != expected:
        raise _damaged(str(path), "the manifest does not match its checksum")
    # The version comes before the fields: those of a newer format are not known here.
    version = content.get("format")
    if type(version) is int and version > FORMAT:
        raise RecordError(
            str(path),
            f"its format is {version}, and this landscope reads up to {FORMAT}",
            "install a newer landscope",
        )
    return read_as(kind, content, str(path))


_P = TypeVar("_P", bound=BaseModel)


def read_as(kind: type[_P], content: Mapping[str, Any], where: str) -> _P:
    """A manifest, or a part of it, as a value of a type.

    Args:
        kind: The type.
        content: Plain values, as they were read.
        where: Where they are from, for the error.

    Raises:
        RecordError: A field is missing, or is of another type.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _damaged(where, f"the manifest is wrong: {_first(error)}") from error


def _flaw_of(encoded: bytes) -> str | None:
    """What makes a manifest's bytes unfit to be parsed at all, or None where nothing does."""
    if len(encoded) > MAX_BYTES:
        return f"it is longer than {MAX_BYTES} bytes"
    # Each value but the first has a comma or a bracket before it.
    if sum(map(encoded.count, (b",", b"[", b"{"))) > MAX_VALUES:
        return f"it has more than {MAX_VALUES} values"
    # Half of a character, which no file of text and no page could hold.
    if b"\\ud" in encoded.lower() and not _is_text(encoded):
        return "it has a text that is not valid Unicode"
    return None


def _is_text(encoded: bytes) -> bool:
    try:
        json.dumps(json.loads(encoded), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except (ValueError, RecursionError):
        return True  # it is not even JSON, of which its reader will complain
    return True


def _checksum(content: dict[str, Any]) -> str:
    # Over a canonical text and not the file's bytes, so that the file can be indented.
    return f"{crc32(canonical(content)):08x}"


def _damaged(where: str, rule: str) -> RecordError:
    return RecordError(where, rule, "restore the file, or run it again in a new folder")


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def parse(text: bytes) -> object:
    """The content of a text.

    Raises:
        ValueError: It is no JSON, an object has two members of one name, or it is too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is too deep") from None


def canonical(content: object) -> bytes:
    """The one text for a content that was parsed, whatever the order and the blanks were.

    Raises:
        ValueError: A number in it is too large for a float, or it is too deep.
    """
    try:
        text = json.dumps(content, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise ValueError("it is too deep") from None
    return text.encode("ascii")


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a name stands there twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def describe_versions() -> dict[str, object]:
    """The versions of landscope and of what it rests on, and the platform, for a manifest."""
    return {
        "landscope": __version__,
        "versions": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{package: _version(package) for package in _RESTS_ON},
        },
    }


def _version(package: str) -> str:
    # A source tree may be run without its packages' metadata beside it.
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
