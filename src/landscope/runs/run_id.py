"""The id of a run: a text that is safe as the name of a folder on every system."""

MAX_CHARACTERS = 128
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
