"""What is refused of trainings of several processes, before anything is attached."""

import socket
from contextlib import contextmanager

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

import landscope
from landscope.errors import UsageError
from landscope.objective import processes
from landscope.objective.processes import check_whole, no_collectives

WORKS = "measure a training in one process, one under DistributedDataParallel, or a full copy"


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 1))


def mse(outputs, targets):
    return (outputs - targets).square().mean()


def batch():
    return torch.randn(8, 4), torch.randn(8, 1)


@contextmanager
def group():
    """A process group of this process alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


def sharded():
    return fully_shard(network(), mesh=init_device_mesh("cpu", (1,)))


def with_a_distributed_weight():
    """As tensor parallelism makes of it."""
    model = network()
    mesh = init_device_mesh("cpu", (1,))
    model[3].weight = nn.Parameter(distribute_tensor(model[3].weight.detach(), mesh))
    return model


def with_a_distributed_buffer():
    model = network()
    mesh = init_device_mesh("cpu", (1,))
    model[1].running_mean = distribute_tensor(model[1].running_mean, mesh)
    return model


class FullyShardedDataParallel(nn.Module):
    """Stands for the class of that name, of torch or of another library."""

    def __init__(self) -> None:
        super().__init__()
        self.module = network()

    def forward(self, inputs):
        return self.module(inputs)


class DeepSpeedEngine(FullyShardedDataParallel):
    """Stands for DeepSpeed's."""


def inside():
    return nn.Sequential(FullyShardedDataParallel())


def of_zero_3():
    """DeepSpeed leaves empty weights, and says where the whole is."""
    model = network()
    model[0].weight.ds_id = 0
    return model


MODELS = {
    sharded: "is sharded or steered by fully_shard (FSDP2)",
    with_a_distributed_weight: "the parameter '3.weight' is a DTensor",
    with_a_distributed_buffer: "the parameter '1.running_mean' is a DTensor",
    FullyShardedDataParallel: "is sharded or steered by FullyShardedDataParallel",
    inside: "the module '0' is sharded or steered by FullyShardedDataParallel",
    of_zero_3: "the parameter '0.weight' is a part of DeepSpeed's ZeRO, of which",
}


def held(model):
    return [(n, id(t), len(t._backward_hooks or ())) for n, t in model.named_parameters()], [
        sum(len(v) for k, v in vars(m).items() if k.endswith("_hooks")) for m in model.modules()
    ]


@pytest.mark.parametrize("make", MODELS)
def test_a_model_of_which_a_process_holds_a_part_is_refused_by_all(make):
    with group():
        model = make()
        before = held(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for measure in (
            lambda: landscope.Scope(model, mse, optimizer),
            lambda: landscope.line(model, mse, *batch(), etas=[0.1]),
            lambda: landscope.noise_scale(model, mse, *batch()),
        ):
            with pytest.raises(UsageError) as refused:
                measure()
            assert MODELS[make] in str(refused.value)
            assert WORKS in str(refused.value)
        assert held(model) == before


@pytest.mark.filterwarnings("ignore:landscope. scope could not measure step")
@pytest.mark.filterwarnings("ignore:landscope. scope failed at step")
def test_a_model_that_is_sharded_later_goes_on_without_measurements():
    inputs, targets = batch()

    def trained(*, scoped):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scope = landscope.Scope(model, mse, optimizer, every=1) if scoped else None
        fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            if scope:
                scope.before(inputs, targets)
            optimizer.zero_grad()
            mse(model(inputs), targets).backward()
            optimizer.step()
            if scope:
                scope.after()
        return [p.full_tensor().detach() for p in model.parameters()]

    with group():
        ends = trained(scoped=True), trained(scoped=False)
        assert all(isinstance(p, torch.Tensor) and not isinstance(p, DTensor) for p in ends[0])
        assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_synchronised_norms_are_refused_where_they_synchronise(monkeypatch):
    model = nn.SyncBatchNorm.convert_sync_batchnorm(network())
    check_whole(model)  # of one process it is a batch norm
    monkeypatch.setattr(processes, "count", lambda: 2)
    with pytest.raises(UsageError) as refused:
        check_whole(model)
    assert "the module '1' is a SyncBatchNorm in a group of 2 processes" in str(refused.value)
    check_whole(network())


def test_a_group_of_one_process_may_communicate():
    with group(), no_collectives():
        total = torch.ones(2)
        dist.all_reduce(total)
    assert total.tolist() == [1.0, 1.0]
