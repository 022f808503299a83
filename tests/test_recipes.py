"""Every recipe of docs/recipes.md runs as it stands, is measured, and trains as without a scope."""

import contextlib
import re
from pathlib import Path

import pytest
import torch
from tests.tolerances import FLOAT32
from tests.without_scope import NoScope, bytes_of_networks

import landscope

PAGE = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text("utf-8")
RECIPES = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE, re.M | re.S))
MOST_LINES = 6
"""Of those that concern landscope, with its import."""


def run(code, scope, monkeypatch):
    """The names that a recipe leaves behind, and the state of torch's random stream."""
    monkeypatch.setattr(landscope, "Scope", scope)
    torch.manual_seed(0)
    names = {"__name__": "recipe"}
    exec(compile(code, "recipe", "exec"), names)
    return names, torch.get_rng_state()


def test_the_page_has_twenty_kinds_of_loop():
    assert len(RECIPES) == PAGE.count("```python") == 20
    for name, code in RECIPES.items():
        lines = [line for line in code.splitlines() if "scope" in line]
        assert "import landscope" in lines, name
        assert len(lines) <= MOST_LINES, name


class Drawing(NoScope):
    """Draws a number of the training's."""

    def step(self, *_batch):
        torch.rand(1)
        return contextlib.nullcontext()


class Touching(NoScope):
    """Moves a weight by its last bit."""

    def __init__(self, model, *_others):
        parameter = next(model.parameters())
        parameter.data.copy_(torch.nextafter(parameter.data, torch.zeros(())))


@pytest.mark.parametrize("harmful", [Drawing, Touching])
def test_a_scope_that_changed_anything_would_be_seen(harmful, monkeypatch):
    code = RECIPES["Noise that is drawn before the block"]
    found, expected = (run(code, scope, monkeypatch)[0] for scope in (harmful, NoScope))

    assert bytes_of_networks(found) != bytes_of_networks(expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_measured_and_trains_as_without_a_scope(name, monkeypatch):
    scopes, real = [], landscope.Scope

    def measured(*args, **kwargs):
        scopes.append(real(*args, every=2, **kwargs))
        return scopes[-1]

    with_scope = run(RECIPES[name], measured, monkeypatch)
    without = run(RECIPES[name], NoScope, monkeypatch)

    assert scopes
    for scope in scopes:
        read = {reading.probe for reading in scope.readings if reading.quantity != "failed"}
        assert {"gradient", "update", "step_size"} <= read
        assert [str(r) for r in scope.readings if r.quantity == "failed"] == []
        assert "loss-not-trained" not in {finding.id for finding in scope.findings()}
        agreed = [r.value for r in scope.readings if r.quantity == "agreement"]
        assert agreed
        FLOAT32.check(agreed, [1.0] * len(agreed))
    assert bytes_of_networks(with_scope[0]) == bytes_of_networks(without[0])
    assert len(bytes_of_networks(without[0])) >= 1
    assert torch.equal(with_scope[1], without[1])
