"""A training of two processes: one measures, nothing communicates, and no byte of it changes."""

import os
import socket
import time
import warnings
from datetime import timedelta
from functools import partial

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import landscope
from landscope.testing.tolerances import FLOAT32

pytestmark = pytest.mark.slow

STEPS = 12
COMMUNICATING = ("a loss that gathers", "a part that communicates")


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))


def cross_entropy(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets)


def gathering(outputs, targets):
    """As a contrastive loss: the outputs of all processes enter it."""
    mean = outputs.detach().mean(0)
    dist.all_reduce(mean)
    return cross_entropy(outputs - mean / 2, targets)


class Communicating(nn.Module):
    """Averages over the processes, forward and backward, as a synchronised norm does."""

    def forward(self, outputs):
        return Averaged.apply(outputs)


class Averaged(torch.autograd.Function):
    """What it computes it sends to all."""

    @staticmethod
    def forward(_, outputs):
        mean = outputs.mean(0)
        dist.all_reduce(mean)
        return outputs - mean / 2

    @staticmethod
    def backward(_, gradient):
        mean = gradient.mean(0)
        dist.all_reduce(mean)
        return gradient - mean / 2


def ddp(model, **settings):
    return DistributedDataParallel(model, **settings)


def by_hand(model):
    return model


def with_a_communicating_part(model):
    return DistributedDataParallel(nn.Sequential(model, Communicating()))


def local(model):
    """Each process trains for itself."""
    return model


def averaged_by_hand(model):
    for parameter in model.parameters():
        dist.all_reduce(parameter.grad)
        parameter.grad /= dist.get_world_size()


KINDS = {
    "ddp": (ddp, cross_entropy),
    "ddp, gradients in buckets": (partial(ddp, gradient_as_bucket_view=True), cross_entropy),
    "ddp, static graph": (partial(ddp, static_graph=True), cross_entropy),
    "by hand": (by_hand, cross_entropy),
    "local": (local, cross_entropy),
    "a loss that gathers": (ddp, gathering),
    "a part that communicates": (with_a_communicating_part, cross_entropy),
}


def train(rank, kind, settings):
    """One training of this process; what it leaves, and what a scope of it said."""
    wrapped, loss_fn = KINDS[kind]
    model = wrapped(network())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scope = None if settings is None else landscope.Scope(model, loss_fn, optimizer, **settings)
    torch.manual_seed(1 + rank)
    for _ in range(STEPS):
        inputs = torch.randn(16, 6)
        targets = inputs[:, :3].argmax(1)
        time.sleep(0.002 * rank)
        if scope:
            scope.before(inputs, targets)
        optimizer.zero_grad()
        loss_fn(model(inputs), targets).backward()
        if kind == "by hand":
            averaged_by_hand(model)
        optimizer.step()
        if scope:
            scope.after()
    left = [tensor.numpy().tobytes() for tensor in model.state_dict().values()]
    if scope is None:
        return left
    scope.close()
    read = [(r.step, r.key, r.value, str(r.function)) for r in scope.readings]
    return left, read, {f.id for f in scope.findings()}, repr(scope)


def process(rank, port, folder, results):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo", rank=rank, world_size=2, timeout=timedelta(seconds=60))
    for kind in KINDS:
        to = str(folder / kind.replace(" ", "-"))
        settings = {"to": to, "every": 2, "live": True, "probes": "full"}
        plain, scoped = train(rank, kind, None), train(rank, kind, settings)
        results[kind, rank] = plain, *scoped
        results[kind, rank, "budget"] = train(rank, kind, {"budget": 0.5})[0]
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Of each kind and process; the processes are begun once for all kinds."""
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with mp.Manager() as manager:
        found = manager.dict()
        mp.start_processes(process, (port, folder, found), nprocs=2, start_method="spawn")
        return {**found, "folder": folder}


@pytest.mark.parametrize("kind", KINDS)
def test_no_byte_of_a_training_changes(results, kind):
    for rank in (0, 1):
        plain, scoped, *_ = results[kind, rank]
        assert scoped == plain
        assert results[kind, rank, "budget"] == plain


@pytest.mark.parametrize("kind", KINDS)
def test_one_process_measures_and_the_other_says_so(results, kind):
    _, _, read, findings, said = results[kind, 1]
    assert (read, findings) == ([], set())
    assert said == "Scope(Sequential, process 1 of 2: process 0 measures)"
    _, _, read, _, _ = results[kind, 0]
    recorded = landscope.Run(results["folder"] / kind.replace(" ", "-")).readings
    assert [(r.step, r.key) for r in recorded] == [(step, key) for step, key, _, _ in read]


@pytest.mark.parametrize("kind", KINDS)
def test_what_needs_the_mean_gradient_is_neither_read_nor_concluded(results, kind):
    _, _, read, findings, _ = results[kind, 0]
    keys = {key for _, key, _, _ in read}
    assert not keys & {"gradient/used_cosine", "step_size/safe_lr", "noise_scale/noise_scale"}
    assert {"scope/left_out/step_size", "scope/left_out/noise_scale"} <= keys
    wrong = {"loss-not-trained", "gradient-changed", "step-could-be-larger"}
    assert not findings & (wrong if kind in COMMUNICATING else wrong | {"probe-failed"})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in COMMUNICATING])
def test_the_loss_of_the_processs_own_batch_is_measured_right(results, kind):
    _, _, read, _, _ = results[kind, 0]
    agreements = [value for _, key, value, _ in read if key == "gradient/agreement"]
    scales = [value for _, key, value, _ in read if key == "gradient/gradient_scale"]
    FLOAT32.check(agreements, [1.0] * (STEPS // 2))
    FLOAT32.check(scales, [1.0] * (STEPS // 2))
    functions = {function for _, key, _, function in read if key == "gradient/loss"}
    assert all("the step's own batch in process 0 of 2, 16 samples" in f for f in functions)


@pytest.mark.parametrize("kind", COMMUNICATING)
def test_what_communicates_is_not_measured_and_the_reason_is_said(results, kind):
    _, _, read, _, _ = results[kind, 0]
    assert "gradient/loss" not in {key for _, key, _, _ in read}
    reasons = [function for _, key, _, function in read if key == "scope/failed/scope"]
    assert "the collective 'allreduce_' over 2 processes" in reasons[0]
    assert "give Scope a loss of this process's own batch" in reasons[0]
