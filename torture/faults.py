"""Faults that can be planted in landscope, to see that a row turns red."""

import hashlib
import json

from landscope.runs import checkpoint
from landscope.runs.checkpoint import Checkpoint, Checkpoints
from landscope.runs.manifest import manifest_of, write_manifest
from landscope.runs.weights import pack_tensors


class InPlace(Checkpoints):
    """Overwrites its one checkpoint where it is: no temporary folder, no sync, no rename."""

    def write(self, given: Checkpoint) -> None:
        """Write it over the one before."""
        name = "step-0-00000000"
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        contents = {
            "values.json": json.dumps(given.values).encode(),
            "tensors.safetensors": pack_tensors(given.tensors),
        }
        for file, content in contents.items():
            (folder / file).write_bytes(content)
        files = {
            file: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for file, content in contents.items()
        }
        manifest = {
            "format": 1, "step": given.step, "lines": given.mark.lines, "bytes": given.mark.size,
            "checksum": given.mark.checksum,
            "seconds": given.seconds, "files": files,
        }  # fmt: skip
        write_manifest(
            folder / "manifest.json", manifest_of(checkpoint._CheckpointManifest, manifest)
        )
        pointer = {"format": 1, "latest": name}
        write_manifest(self._folder / "latest.json", manifest_of(checkpoint._Pointer, pointer))


def forgotten_streams() -> None:
    """A checkpoint leaves the random streams where they happen to be."""
    from landscope.studies import training_state as state

    def nothing(*_: object) -> dict[str, object]:
        return {}

    state.Streams.state_dict = state.Streams.load_state_dict = nothing
