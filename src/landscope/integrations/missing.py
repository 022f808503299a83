"""The error for an adapter whose package is not installed."""

from landscope.errors import UsageError


def missing(package: str, extra: str) -> UsageError:
    """The error to raise when an adapter's package is missing.

    Args:
        package: Name of the package, as pip knows it.
        extra: Name of landscope's extra that installs it.
    """
    return UsageError(
        f"the package {package}",
        f"landscope's adapter to {package} needs it, and it is not installed",
        f"install it with `pip install 'landscope[{extra}]'`",
    )
