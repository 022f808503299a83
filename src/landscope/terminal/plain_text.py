"""Words of anybody's in the terminal: as they are, and nothing that a terminal would obey."""

from rich.text import Text


def plain(words: str) -> Text:
    """Words as they are, whatever a layer is called: neither markup nor control characters."""
    return Text("".join(letter if letter.isprintable() else "?" for letter in words))
