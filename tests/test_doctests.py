"""The examples in the docstrings of the public measures give the numbers that they print."""

import doctest
import sys

import pytest

import landscope

MEASURES = (
    "batch_norm_theory",
    "covariate_shift",
    "line",
    "noise_scale",
    "replace_norms",
    "step_size",
)


@pytest.mark.parametrize("name", MEASURES)
def test_the_example_of_a_measure_gives_its_numbers(name, capsys) -> None:
    function = getattr(landscope, name)
    module = sys.modules[function.__module__]
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name, module, globs={})
    assert example.examples, f"{name} has no example"
    failed = doctest.DocTestRunner().run(example).failed
    assert not failed, capsys.readouterr().out
