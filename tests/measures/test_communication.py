"""What is known of other libraries' engines, and that no measured pass communicates.

All of it in one process: where several are asked for, only their count is made up, as what would
communicate is stopped before it does.
"""

import socket

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from landscope.errors import UsageError
from landscope.measures.line import line
from landscope.norms.replace.model import replace_norms
from landscope.objective import processes
from landscope.scope.scope import Scope


@pytest.fixture(scope="module", autouse=True)
def group():
    """A process group of this process alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.fixture
def two(monkeypatch):
    """As if there were another process."""
    monkeypatch.setattr(processes, "count", lambda: 2)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3))


def batch():
    torch.manual_seed(1)
    return torch.randn(8, 4), torch.randint(3, (8,))


def optimizer_of(model):
    return torch.optim.SGD(model.parameters(), 0.1)


def _fake(package, name, base=nn.Module):
    return type(name, (base,), {"__module__": package})


def _sharded():
    return fully_shard(network(), mesh=init_device_mesh("cpu", (1,)))


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("deepspeed.runtime.engine", "DeepSpeedEngineV2"),
        ("deepspeed.runtime.pipe.module", "PipelineModule"),
        ("colossalai.booster.plugin.torch_ddp_plugin", "TorchDDPModel"),
        ("torch_xla.distributed.fsdp.xla_fully_sharded_data_parallel", "Xla"),
    ],
)
def test_the_engines_of_other_libraries_are_known_by_what_they_inherit(package, name):
    engine = _fake(package, "Mine", _fake(package, name))()
    engine.net = network()
    model = nn.Sequential(engine)

    library = package.split(".")[0]
    with pytest.raises(UsageError, match=f"the module '0' is sharded or steered by {library}"):
        Scope(model, cross_entropy, optimizer_of(model))


def test_a_class_of_such_a_library_that_shards_nothing_is_no_engine():
    fused = _fake("deepspeed.ops.adam.fused_adam", "FusedAdam", torch.optim.SGD)
    model = network()
    Scope(model, cross_entropy, fused(model.parameters(), 0.1)).close()


def test_layers_of_megatron_are_refused_among_several_processes_only(monkeypatch):
    layer = _fake("megatron.core.tensor_parallel.layers", "ColumnParallelLinear", nn.Linear)
    model = nn.Sequential(layer(4, 3))
    processes.check_whole(model)

    monkeypatch.setattr(processes, "count", lambda: 2)
    with pytest.raises(UsageError, match="the module '0' is sharded or steered by megatron"):
        processes.check_whole(model)


@pytest.mark.parametrize("package", ["horovod.torch.optimizer", "deepspeed.runtime.zero.stage3"])
def test_an_optimiser_that_shards_or_averages_by_itself_is_refused(package):
    model = network()
    optimizer = _fake(package, "Sharing", torch.optim.SGD)(model.parameters(), 0.1)
    with pytest.raises(UsageError, match=r"the optimizer Sharing belongs to .*: it shards"):
        Scope(model, cross_entropy, optimizer)


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("_is_flat_param", "is a flat parameter of FSDP"),
        ("_fsdp_flattened", "is a part of a flat parameter of FSDP"),
    ],
)
def test_parameters_that_are_parts_are_known_without_their_engine(mark, words):
    model = network()
    setattr(model[3].weight, mark, True)
    with pytest.raises(UsageError, match=f"the parameter '3.weight' {words}, of which"):
        Scope(model, cross_entropy, optimizer_of(model))


def test_what_replicate_has_made_is_refused():
    from torch.distributed._composable import replicate

    model = replicate(network())
    with pytest.raises(UsageError, match="is sharded or steered by"):
        Scope(model, cross_entropy, optimizer_of(model))


def test_norms_of_a_sharded_network_are_not_replaced_and_synchronised_ones_are(two):
    with pytest.raises(UsageError, match=r"is sharded or steered by fully_shard \(FSDP2\)"):
        replace_norms(_sharded(), "batch")
    replaced = replace_norms(nn.Sequential(nn.Linear(4, 8), nn.SyncBatchNorm(8)), "layer")
    processes.check_whole(replaced)


def test_a_full_copy_of_the_weights_is_measured_as_the_refusal_advises():
    full = get_model_state_dict(_sharded(), options=StateDictOptions(full_state_dict=True))
    copy = network()
    copy.load_state_dict(full)

    found = line(copy, cross_entropy, *batch(), etas=(0.1,))

    assert found.losses == line(network(), cross_entropy, *batch(), etas=(0.1,)).losses


COLLECTIVES = {
    "all_reduce": lambda t: dist.all_reduce(t),
    "all_gather_object": lambda _: dist.all_gather_object([None], 1),
    "barrier": lambda _: dist.barrier(),
    "broadcast": lambda t: dist.broadcast(t, 0),
    "functional": lambda t: torch.ops._c10d_functional.all_reduce(
        t, "sum", dist.group.WORLD.group_name
    ),
}


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("caught", [False, True])
@pytest.mark.usefixtures("two")
def test_a_collective_is_stopped_also_where_its_error_is_caught(name, caught):
    def talk():
        with processes.no_collectives(), processes.no_collectives():
            try:
                COLLECTIVES[name](torch.ones(2))
            except UsageError:
                if not caught:
                    raise

    with pytest.raises(UsageError, match=r"runs the collective .* over 2 processes"):
        talk()


@pytest.mark.usefixtures("two")
def test_a_collective_whose_error_becomes_another_is_named():
    def talk():
        with processes.no_collectives():
            try:
                dist.barrier()
            except UsageError as error:
                raise RuntimeError("the processes lost each other") from error

    with pytest.raises(UsageError, match="runs the collective"):
        talk()


class _Talking(torch.autograd.Function):
    @staticmethod
    def forward(_, given):
        return given.clone()

    @staticmethod
    def backward(_, slope):
        dist.all_reduce(slope)
        return slope


@pytest.mark.usefixtures("two")
def test_a_collective_of_the_backward_pass_alone_is_stopped():
    with pytest.raises(UsageError, match="runs the collective 'allreduce_'"):
        line(network(), lambda o, t: cross_entropy(_Talking.apply(o), t), *batch(), etas=(0.1,))


@pytest.mark.usefixtures("two")
def test_a_group_that_was_collecting_is_left_as_it_was():
    with (
        pytest.raises(UsageError),
        processes.no_collectives(),
        dist.distributed_c10d._coalescing_manager(),
    ):
        dist.barrier()
    assert not dist.distributed_c10d._world.pg_coalesce_state


def test_ddp_around_a_part_of_a_model_is_measured_without_it(two):
    model = network()
    expected = line(model, cross_entropy, *batch(), etas=(0.1,))
    model[0] = DistributedDataParallel(model[0], find_unused_parameters=True)

    found = line(model, cross_entropy, *batch(), etas=(0.1,))

    assert (found.losses, found.betas) == (expected.losses, expected.betas)


@pytest.mark.usefixtures("two")
def test_ddp_is_not_called_in_a_measurement():
    model = DistributedDataParallel(network())
    with (
        pytest.raises(UsageError, match="the loss or the model calls DistributedDataParallel"),
        processes.no_collectives(),
    ):
        model(batch()[0])


def test_the_processes_are_those_of_torchrun_before_there_is_a_group(monkeypatch):
    monkeypatch.setattr(dist, "is_initialized", lambda: False)
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    assert (processes.rank(), processes.count()) == (1, 2)


def _train(scope, model, optimizer):
    inputs, targets = batch()
    for _ in range(3):
        with scope.step(inputs, targets):
            cross_entropy(model(inputs), targets).backward()
            optimizer.step()


def _scope(model, optimizer):
    return Scope(model, cross_entropy, optimizer, every=1, probes=["gradient", "step_size"])


@pytest.fixture
def as_rank(monkeypatch):
    """Makes this process one of several, in the eyes of a scope."""

    def become(rank, count):
        monkeypatch.setattr("landscope.scope.scope.rank", lambda: rank)
        monkeypatch.setattr("landscope.scope.processes.rank", lambda: rank)
        monkeypatch.setattr("landscope.scope.processes.count", lambda: count)

    return become


def test_every_process_loads_the_state_that_the_first_has_saved(as_rank):
    model = network()
    optimizer = optimizer_of(model)
    as_rank(0, 2)
    first = _scope(model, optimizer)
    _train(first, model, optimizer)
    as_rank(1, 2)
    second = _scope(model, optimizer)

    second.load_state_dict(first.state_dict())
    _train(second, model, optimizer)

    assert (second.steps, second.readings) == (6, ())


def test_a_training_goes_on_in_one_process_with_all_probes_and_in_two_without(as_rank):
    model = network()
    optimizer = optimizer_of(model)
    as_rank(0, 2)
    together = _scope(model, optimizer)
    as_rank(0, 1)
    alone = _scope(model, optimizer)

    alone.load_state_dict(together.state_dict())
    _train(alone, model, optimizer)
    assert any(reading.probe == "step_size" for reading in alone.readings)

    together.load_state_dict(alone.state_dict())
    assert together.steps == 3


def test_a_scope_made_before_the_processes_joined_leaves_it_to_the_first(as_rank):
    model = network()
    optimizer = optimizer_of(model)
    scope = _scope(model, optimizer)
    as_rank(1, 2)
    _train(scope, model, optimizer)
    as_rank(0, 1)  # the group is gone, as at the end of a training

    assert scope.readings == ()
    assert repr(scope) == "Scope(Sequential, process 1 of 2: process 0 measures)"
