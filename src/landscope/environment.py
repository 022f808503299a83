"""What a run was made with: the versions of landscope and of what it rests on."""

import platform
from importlib.metadata import PackageNotFoundError, version

_RESTS_ON = ("torch", "numpy", "scipy", "safetensors", "pydantic")


def describe_versions() -> dict[str, object]:
    """Versions and platform, as a manifest holds them."""
    from landscope import __version__

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
