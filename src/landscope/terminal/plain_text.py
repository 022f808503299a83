"""Words of anybody's in the terminal: as they are, and nothing that a terminal would obey."""

from rich.text import Text


def harmless(words: str) -> str:
    """Words with a question mark for whatever is no letter, as a control character or a turn."""
    if words.isprintable():
        return words
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def plain(words: str) -> Text:
    """Words as they are, whatever a layer is called: neither markup nor control characters."""
    return Text(harmless(words))
