"""Each damage damages, is drawn from its stream alone, and never gives a whole file."""

from random import Random

import pytest

from torture.damage import DAMAGES, damaged

MINE = b"".join(b'{"line": %d, "value": 0.%d}\n' % (n, n * 7) for n in range(1, 30))
OTHER = b"".join(b'{"line": %d, "value": 1.%d}\n' % (n, n * 5) for n in range(1, 30))


@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_damaged_file_is_another_one(name: str) -> None:
    made = [damaged(MINE, OTHER, name, Random(seed)) for seed in range(50)]
    assert None not in made
    assert MINE not in made
    assert OTHER not in made
    assert len(set(made)) > 10
    assert made == [damaged(MINE, OTHER, name, Random(seed)) for seed in range(50)]


@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_file_of_two_bytes_is_damaged_or_left_out(name: str) -> None:
    for seed in range(50):
        assert damaged(b"{}", b"[]", name, Random(seed)) not in (b"{}", b"[]")


@pytest.mark.parametrize("name", ["duplicate_line", "delete_line", "swap_lines", "splice_lines"])
def test_damage_by_lines_leaves_each_line_whole(name: str) -> None:
    lines = {*MINE.splitlines(), *OTHER.splitlines()}
    for seed in range(50):
        assert set((damaged(MINE, OTHER, name, Random(seed)) or b"").splitlines()) <= lines


@pytest.mark.parametrize("name", ["swap_blocks", "swap_lines"])
def test_a_swap_loses_nothing(name: str) -> None:
    for seed in range(50):
        assert sorted(damaged(MINE, OTHER, name, Random(seed)) or b"") == sorted(MINE)


def test_the_other_file_with_other_blanks_is_no_damage() -> None:
    assert damaged(b"{ 1}", b"{1}", "delete", Random(0)) not in (None, b"{1}")
