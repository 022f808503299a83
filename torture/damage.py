"""Damage: what disks, copies and people do to the bytes of a file, drawn from a seeded stream."""

from collections.abc import Callable, Mapping
from random import Random

PAGES = (16, 512, 4096)
"""Bytes of a page: of a disk, of its sectors, and of what fits a small file."""

Damage = Callable[[bytes, bytes, Random], bytes]
"""Makes a damaged file of a whole one, of another whole file of its kind, and of a stream."""


def flip_bit(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """One bit is the other way round."""
    changed = bytearray(whole)
    changed[stream.randrange(len(whole))] ^= 1 << stream.randrange(8)
    return bytes(changed)


def change_byte(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """One byte is another one."""
    changed = bytearray(whole)
    changed[stream.randrange(len(whole))] = stream.randrange(256)
    return bytes(changed)


def overwrite(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """Some bytes in a row are any others."""
    start, end = _stretch(whole, stream)
    return whole[:start] + stream.randbytes(end - start) + whole[end:]


def delete(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """Some bytes in a row are gone."""
    start, end = _stretch(whole, stream)
    return whole[:start] + whole[end:]


def insert(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """Some bytes in a row are new."""
    start = stream.randrange(len(whole) + 1)
    return whole[:start] + stream.randbytes(stream.randint(1, 64)) + whole[start:]


def truncate(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """The end is gone."""
    return whole[: stream.randrange(len(whole))]


def behead(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """The start is gone."""
    return whole[stream.randrange(len(whole)) :]


def zero_page(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """A page is zero, as after a power cut that came between the size and the data."""
    size = stream.choice(PAGES)
    start = stream.randrange(len(whole)) // size * size
    return whole[:start] + bytes(min(size, len(whole) - start)) + whole[start + size :]


def append_zeros(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """The file goes on with zeros."""
    return whole + bytes(stream.randint(1, stream.choice(PAGES)))


def duplicate_block(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """Some bytes in a row stand there twice."""
    start, end = _stretch(whole, stream)
    return whole[:end] + whole[start:]


def swap_blocks(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """Two blocks of one size have each other's place."""
    size = stream.randint(1, max(1, min(64, len(whole) // 2)))
    first = stream.randrange(max(1, len(whole) - 2 * size + 1))
    second = stream.randint(first + size, max(first + size, len(whole) - size))
    a, b = whole[first : first + size], whole[second : second + size]
    return whole[:first] + b + whole[first + size : second] + a + whole[second + size :]


def duplicate_line(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """A line stands there twice."""
    lines = whole.splitlines(keepends=True)
    place = stream.randrange(len(lines))
    lines.insert(stream.choice([place, stream.randrange(len(lines) + 1)]), lines[place])
    return b"".join(lines)


def delete_line(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """A line is gone."""
    lines = whole.splitlines(keepends=True)
    del lines[stream.randrange(len(lines))]
    return b"".join(lines)


def swap_lines(whole: bytes, _other: bytes, stream: Random) -> bytes:
    """Two lines have each other's place."""
    lines = whole.splitlines(keepends=True)
    a, b = stream.randrange(len(lines)), stream.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def splice(whole: bytes, other: bytes, stream: Random) -> bytes:
    """It goes on as another file of its kind does, from the same place or from any."""
    start = stream.randrange(1, len(whole))
    return whole[:start] + other[stream.choice([start, stream.randrange(len(other) + 1)]) :]


def splice_lines(whole: bytes, other: bytes, stream: Random) -> bytes:
    """One line or all that follow are those of another file of its kind."""
    mine, others = whole.splitlines(keepends=True), other.splitlines(keepends=True)
    place = stream.randrange(min(len(mine), len(others)))
    behind = stream.choice([mine, others])[place + 1 :]
    return b"".join([*mine[:place], others[place], *behind])


def misdirect(whole: bytes, other: bytes, stream: Random) -> bytes:
    """A page of another file of its kind was written over this one's."""
    size = stream.choice(PAGES)
    start = stream.randrange(len(whole)) // size * size
    page = other[start : start + size]
    return whole[:start] + page + whole[start + len(page) :]


DAMAGES: Mapping[str, Damage] = {
    damage.__name__: damage
    for damage in (
        *(flip_bit, change_byte, overwrite, delete, insert, truncate, behead, zero_page),
        *(append_zeros, duplicate_block, swap_blocks, duplicate_line, delete_line, swap_lines),
        *(splice, splice_lines, misdirect),
    )
}


def damaged(whole: bytes, other: bytes, name: str, stream: Random) -> bytes | None:
    """A file that is not the whole one, nor the other; None where this damage can make none.

    Args:
        whole: The file's bytes, two at least.
        other: Those of another whole file of its kind.
        name: One of ``DAMAGES``.
        stream: What is drawn from.
    """
    for _ in range(100):
        made = DAMAGES[name](whole, other, stream)
        # Between blanks, a splice may give the other file as a whole, and that is no damage.
        if made != whole and b"".join(made.split()) != b"".join(other.split()):
            return made
    return None


def _stretch(whole: bytes, stream: Random) -> tuple[int, int]:
    """Where some bytes in a row start and end: a few, or up to a quarter of the file."""
    size = stream.randint(1, stream.choice([4, 64, max(1, len(whole) // 4)]))
    start = stream.randrange(len(whole))
    return start, min(len(whole), start + size)
