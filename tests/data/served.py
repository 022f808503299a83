"""What the tests' web server serves, and what it was asked for."""

from dataclasses import dataclass, field


@dataclass
class Server:
    """Files by path; a ``declared`` length above the body's cuts the connection in the middle."""

    address: str
    bodies: dict[str, bytes] = field(default_factory=dict)
    declared: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
