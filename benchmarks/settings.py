"""How a benchmark is run: which networks, how large, how often, and where."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.networks import Network, chosen

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Args:
        names: Architectures; all where empty.
        samples: Samples in a batch; each network's own number where None.
        rounds: Rounds of the clock at least.
        seconds: Go on with the rounds until they have taken so long.
        device: Where it runs.
        out: Folder of the results.
    """

    names: tuple[str, ...] = ()
    samples: int | None = None
    rounds: int = 3
    seconds: float = 20.0
    device: str = "cpu"
    out: Path = RESULTS

    @property
    def networks(self) -> list[Network]:
        """The rows of the table that are measured."""
        return chosen(self.names)

    def samples_of(self, network: Network) -> int:
        """Samples in a network's batch."""
        return self.samples or network.samples

    @property
    def kind(self) -> str:
        """Kind of the device, as in names of files: cpu or cuda."""
        return self.device.partition(":")[0]
