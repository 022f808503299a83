"""Loops that resemble public code, each in a few lines; `scope_of` makes their scopes.

Each gives the losses that it computed, and all that it trained.
"""

import contextlib
import copy
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils import clip_grad_norm_, parametrizations, parametrize, prune

STEPS = 12
LOOPS = {}


def loop(function):
    LOOPS[function.__name__.replace("_", " ")] = function
    return function


def vectors(count=32):
    inputs = torch.randn(count, 8)
    return inputs, inputs[:, :4].argmax(1)


def images(count=16):
    labels = torch.randint(4, (count,))
    return torch.randn(count, 3, 8, 8) + labels[:, None, None, None], labels


def mlp(*, norm=nn.BatchNorm1d):
    return nn.Sequential(
        nn.Linear(8, 16), norm(16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4)
    )


def convnet():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(32, 4),
    )


def usual(scope_of, model, optimizer, batches, *, loss_fn=cross_entropy, then=lambda: None):
    """The README's loop."""
    scope, losses = scope_of(model, loss_fn, optimizer), []
    for inputs, targets in batches:
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), targets)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        then()
    return losses, {"model": model, "optimizer": optimizer}


@loop
def mixup_with_an_average_of_the_weights(scope_of):
    """As timm trains: groups without weight decay, mixup by NumPy, warm-up, clipping, EMA."""
    model = convnet()
    flat = [p for p in model.parameters() if p.ndim <= 1]
    deep = [p for p in model.parameters() if p.ndim > 1]
    groups = [{"params": flat, "weight_decay": 0.0}, {"params": deep, "weight_decay": 0.05}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 6)
    average = copy.deepcopy(model).eval()

    def soft(outputs, targets):
        return -(targets * outputs.log_softmax(1)).sum(1).mean()

    scope, losses = scope_of(model, soft, optimizer), []
    for _ in range(STEPS):
        inputs, labels = images()
        share, targets = np.random.beta(0.8, 0.8), functional.one_hot(labels, 4) * 0.9 + 0.025
        inputs = inputs.mul_(share).add_(inputs.flip(0).mul(1 - share))
        targets = targets * share + targets.flip(0) * (1 - share)
        with scope.step(inputs, targets):
            loss = soft(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        with torch.no_grad():
            for kept, own in zip(
                average.state_dict().values(), model.state_dict().values(), strict=True
            ):
                kept.copy_(0.9 * kept + 0.1 * own)
        schedule.step()
        losses.append(loss.item())
    return losses, {"model": model, "average": average, "optimizer": optimizer}


@loop
def triplets(scope_of):
    model = nn.Sequential(nn.Linear(8, 16), nn.PReLU(), nn.Linear(16, 6))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.TripletMarginLoss()

    def loss_fn(model, batch):
        return criterion(*map(model, batch))

    scope, losses = scope_of(model, loss_fn, optimizer), []
    for _ in range(STEPS):
        anchor = torch.randn(16, 8)
        batch = [anchor, anchor + 0.3 * torch.randn(16, 8), torch.randn(16, 8)]
        with scope.step(batch):
            optimizer.zero_grad()
            loss = criterion(*map(model, batch))
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


class Words(nn.Module):
    """The word language model of pytorch/examples, its weights tied."""

    def __init__(self):
        super().__init__()
        self.drop, self.encoder = nn.Dropout(0.2), nn.Embedding(12, 16)
        self.rnn, self.decoder = nn.LSTM(16, 16, 2, dropout=0.2), nn.Linear(16, 12)
        self.decoder.weight = self.encoder.weight

    def forward(self, words, hidden):
        outputs, hidden = self.rnn(self.drop(self.encoder(words)), hidden)
        return self.decoder(self.drop(outputs)), hidden


@loop
def words_with_a_state_that_is_carried_over(scope_of):
    model = Words()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

    def loss_fn(outputs, targets):
        return cross_entropy(outputs[0].flatten(0, 1), targets.flatten())

    scope, losses = scope_of(model, loss_fn, optimizer, batch_dim=1), []
    words = torch.randint(1, 4, (STEPS * 5 + 1, 6)).cumsum(0) % 12
    hidden = (torch.zeros(2, 6, 16), torch.zeros(2, 6, 16))
    for start in range(0, STEPS * 5, 5):
        inputs, targets = words[start : start + 5], words[start + 1 : start + 6]
        hidden = tuple(state.detach() for state in hidden)
        with scope.step((inputs, hidden), targets):
            model.zero_grad()
            outputs, hidden = model(inputs, hidden)
            loss = loss_fn((outputs, hidden), targets)
            loss.backward()
            clip_grad_norm_(model.parameters(), 0.25)
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


@loop
def a_graph_as_one_batch(scope_of):
    class Graph(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 4)

        def forward(self, nodes, links):
            hidden = torch.sparse.mm(links, self.first(nodes)).relu()
            return torch.sparse.mm(links, self.second(functional.dropout(hidden, 0.5)))

    model = Graph()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    nodes, labels = vectors(30)
    links = ((torch.rand(30, 30) < 0.1) + torch.eye(30)).to_sparse()
    known = torch.arange(30) < 12

    def loss_fn(outputs, labels):
        return cross_entropy(outputs[known], labels[known])

    batches = [((nodes, links), labels)] * STEPS
    scope, losses = scope_of(model, loss_fn, optimizer), []
    for inputs, targets in batches:
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss = loss_fn(model(*inputs), targets)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


@loop
def a_frozen_backbone_that_is_thawed(scope_of):
    model = nn.Sequential(convnet()[:5], nn.Linear(32, 4))
    for _ in range(10):
        model(images()[0])  # so that its norms have seen data
    model[0].requires_grad_(False).eval()
    optimizer = torch.optim.AdamW(model[1].parameters(), lr=1e-2)
    scope, losses = scope_of(model, cross_entropy, optimizer), []
    for step in range(STEPS):
        if step == 7:
            model[0].requires_grad_(True).train()
            optimizer.add_param_group({"params": list(model[0].parameters()), "lr": 1e-3})
        inputs, targets = images()
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


class LowRank(nn.Module):
    def __init__(self, weight, rank=2):
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, weight.shape[1]) / 3)
        self.up = nn.Parameter(torch.zeros(len(weight), rank))

    def forward(self, weight):
        return weight + self.up @ self.down


@loop
def low_rank_adapters_of_frozen_weights(scope_of):
    model = mlp(norm=nn.LayerNorm).requires_grad_(False)
    for layer in (model[0], model[3], model[5]):
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight))
    adapters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(adapters, lr=1e-2)
    return usual(scope_of, model, optimizer, [vectors() for _ in range(STEPS)])


@loop
def a_compiled_model(scope_of):
    torch._dynamo.reset()
    model = mlp(norm=nn.LayerNorm)
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses, _ = usual(scope_of, compiled, optimizer, [vectors() for _ in range(STEPS)])
    return losses, {"model": model, "optimizer": optimizer}


@loop
def batches_of_several_inputs_by_name(scope_of):
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.numbers = nn.Embedding(9, 8, padding_idx=0), nn.Linear(5, 8)
            self.head = nn.Sequential(nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))

        def forward(self, words, numbers, mask=None):
            shown = mask[..., None].float()
            read = (self.words(words) * shown).sum(1) / shown.sum(1)
            return {"logits": self.head(torch.cat([read, self.numbers(numbers)], 1)), "read": read}

    def loss_fn(outputs, targets):
        loss = cross_entropy(outputs["logits"], targets["label"])
        return loss + 1e-3 * outputs["read"].square().mean()

    model = Mixed()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    scope, losses = scope_of(model, loss_fn, optimizer), []
    for _ in range(STEPS):
        mask = torch.arange(6) < torch.randint(1, 7, (24, 1))
        words = torch.randint(1, 9, (24, 6)) * mask
        inputs = {"words": words, "numbers": torch.randn(24, 5), "mask": mask}
        targets = {"label": words[:, 0] % 3}
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss = loss_fn(model(**inputs), targets)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


@loop
def norms_without_running_statistics(scope_of):
    model = mlp(norm=lambda width: nn.BatchNorm1d(width, track_running_stats=False))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    return usual(scope_of, model, optimizer, [vectors() for _ in range(STEPS)])


@loop
def spectral_and_weight_norm(scope_of):
    model = nn.Sequential(
        parametrizations.spectral_norm(nn.Linear(8, 16)),
        nn.ReLU(),
        parametrizations.weight_norm(nn.Linear(16, 4)),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return usual(scope_of, model, optimizer, [vectors() for _ in range(STEPS)])


@loop
def pruned_weights(scope_of):
    model = mlp(norm=nn.LayerNorm)
    prune.l1_unstructured(model[0], "weight", 0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return usual(scope_of, model, optimizer, [vectors() for _ in range(STEPS)])


@loop
def tied_weights(scope_of):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 8) / 3)
            self.inner, self.outer = (nn.Parameter(torch.zeros(n)) for n in (4, 8))

        def forward(self, x):
            code = functional.linear(x, self.weight, self.inner).tanh()
            return functional.linear(code, self.weight.T, self.outer)

    model = Tied()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batches = [(x, x) for x in (torch.randn(24, 8) for _ in range(STEPS))]
    return usual(scope_of, model, optimizer, batches, loss_fn=mse_loss)


@loop
def a_mixture_of_experts_with_a_loss_in_an_attribute(scope_of):
    class Mixture(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Linear(8, 3)
            self.experts = nn.ModuleList([nn.Linear(8, 4) for _ in range(3)])

        def forward(self, inputs):
            shares = self.gate(inputs).softmax(1)
            most, which = shares.max(1)
            outputs = inputs.new_zeros(len(inputs), 4)
            for number, expert in enumerate(self.experts):
                rows = (which == number).nonzero()[:, 0]
                read = expert(inputs[rows]) * most[rows, None]
                outputs = outputs.index_add(0, rows, read)
            self.balance = shares.mean(0).square().sum()
            return outputs

    def loss_fn(model, batch):
        return cross_entropy(model(batch[0]), batch[1]) + 0.01 * model.balance

    model = Mixture()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scope, losses = scope_of(model, loss_fn, optimizer), []
    for _ in range(STEPS):
        batch = vectors()
        with scope.step(batch):
            optimizer.zero_grad()
            loss = loss_fn(model, batch)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


@loop
def momentum_contrast(scope_of):
    """MoCo: its pass moves an encoder and a queue."""

    class Contrast(nn.Module):
        def __init__(self):
            super().__init__()
            self.query = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 6))
            self.key = copy.deepcopy(self.query).requires_grad_(False)
            self.register_buffer("queue", functional.normalize(torch.randn(6, 32), dim=0))
            self.register_buffer("place", torch.zeros(1, dtype=torch.long))

        def forward(self, first, second):
            query = functional.normalize(self.query(first), dim=1)
            with torch.no_grad():
                for own, key in zip(self.query.parameters(), self.key.parameters(), strict=True):
                    key.data = key.data * 0.9 + own.data * 0.1
                keys = functional.normalize(self.key(second), dim=1)
            alike = (query * keys).sum(1, keepdim=True)
            logits = torch.cat([alike, query @ self.queue.clone()], 1) / 0.2
            place = int(self.place)
            self.queue[:, place : place + 8] = keys.T
            self.place[0] = (place + 8) % 32
            return logits

    def loss_fn(model, views):
        logits = model(*views)
        return cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))

    model = Contrast()
    optimizer = torch.optim.SGD(model.query.parameters(), lr=0.03, momentum=0.9)
    scope, losses = scope_of(model, loss_fn, optimizer, samples="dependent"), []
    for _ in range(STEPS):
        inputs = torch.randn(8, 8)
        views = (inputs + 0.1 * torch.randn(8, 8), inputs + 0.1 * torch.randn(8, 8))
        with scope.step(views):
            loss = loss_fn(model, views)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


class SAM(torch.optim.Optimizer):
    """Sharpness-aware minimisation around another optimiser, as it is most often found."""

    def __init__(self, params, base, **settings):
        super().__init__(params, settings)
        self.base = base(self.param_groups, **settings)
        self.param_groups = self.base.param_groups

    @torch.no_grad()
    def first_step(self):
        own = [p for group in self.param_groups for p in group["params"]]
        size = torch.stack([p.grad.norm() for p in own]).norm()
        for p in own:
            self.state[p]["before"] = p.data.clone()
            p.add_(p.grad, alpha=0.05 / float(size))
        self.zero_grad()

    @torch.no_grad()
    def second_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.data = self.state[p]["before"]
        self.base.step()
        self.zero_grad()


@loop
def sharpness_aware_minimisation(scope_of):
    model = mlp(norm=nn.LayerNorm)
    optimizer = SAM(model.parameters(), torch.optim.SGD, lr=0.05, momentum=0.9)
    scope, losses = scope_of(model, cross_entropy, optimizer.base), []
    for _ in range(STEPS):
        inputs, targets = vectors()
        with scope.step(inputs, targets):
            loss = cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.first_step()
            cross_entropy(model(inputs), targets).backward()
            optimizer.second_step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer.base}


@loop
def lbfgs_to_its_end(scope_of):
    model = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 4))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, line_search_fn="strong_wolfe")
    inputs, targets = vectors(100)

    def closure():
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), targets)
        loss.backward()
        return loss

    scope, losses = scope_of(model, cross_entropy, optimizer), []
    for _ in range(2 * STEPS):
        with scope.step(inputs, targets):
            losses.append(optimizer.step(closure).item())
    return losses, {"model": model, "optimizer": optimizer}


@loop
def mixed_precision(scope_of):
    model = mlp()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    scope, losses = scope_of(model, cross_entropy, optimizer), []
    for _ in range(STEPS):
        inputs, targets = vectors()
        with scope.step(inputs, targets):
            with torch.autocast("cpu", torch.bfloat16):
                loss = cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


@loop
def a_scaled_loss_in_half_precision(scope_of):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)  # the first steps are skipped
    scope, losses = scope_of(model, cross_entropy, optimizer, scaler=scaler), []
    for _ in range(3 * STEPS):
        inputs, targets = vectors()
        known = scaler.get_scale()
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.float16):
                loss = cross_entropy(model(inputs), targets)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            clip_grad_norm_(model.parameters(), 10.0)
            scaler.step(optimizer)
            scaler.update()
        losses += [loss.item()] * (scaler.get_scale() >= known)
    return losses, {"model": model, "optimizer": optimizer}


@loop
def sparse_embeddings_by_an_optimiser_of_their_own(scope_of):
    class Bag(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.head = nn.Embedding(30, 8, sparse=True), nn.Linear(8, 4)

        def forward(self, words):
            return self.head(self.words(words).mean(1))

    model = Bag()
    optimizers = [
        torch.optim.SparseAdam(model.words.parameters(), lr=0.01),
        torch.optim.Adam(model.head.parameters(), lr=0.01),
    ]
    scope, losses = scope_of(model, cross_entropy, optimizers), []
    for _ in range(STEPS):
        words = torch.randint(30, (24, 5))
        targets = words[:, 0] % 4
        with scope.step(words, targets):
            loss = cross_entropy(model(words), targets)
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "one": optimizers[0], "other": optimizers[1]}


@loop
def accumulated_batches_without_synchronising(scope_of):
    model = mlp(norm=nn.LayerNorm)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    scope, losses = scope_of(model, cross_entropy, optimizer), []
    for _ in range(STEPS):
        for part in range(3):
            inputs, targets = vectors()
            with scope.step(inputs, targets), contextlib.nullcontext():  # no_sync() of DDP
                loss = cross_entropy(model(inputs), targets)
                (loss / 3).backward()
                if part == 2:
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


@loop
def an_optimiser_that_steps_within_the_backward_pass(scope_of):
    model = mlp(norm=nn.LayerNorm)
    optimizers = {p: torch.optim.Adam([p], lr=1e-3, foreach=False) for p in model.parameters()}

    def step(parameter):
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(step)
    scope, losses = scope_of(model, cross_entropy, list(optimizers.values())), []
    for _ in range(STEPS):
        inputs, targets = vectors()
        with scope.step(inputs, targets):
            loss = cross_entropy(model(inputs), targets)
            loss.backward()
        losses.append(loss.item())
    return losses, {"model": model}


@loop
def rewards_of_episodes_of_any_length(scope_of):
    """REINFORCE, as in pytorch/examples: a sum over the steps of an episode."""
    model = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def loss_fn(outputs, episode):
        actions, rewards = episode
        return -(outputs.log_softmax(1).gather(1, actions[:, None])[:, 0] * rewards).sum()

    scope, losses = scope_of(model, loss_fn, optimizer), []
    for _ in range(STEPS):
        states, _ = vectors(int(torch.randint(5, 30, ())))
        episode = (torch.randint(4, (len(states),)), torch.randn(len(states)))
        with scope.step(states, episode):
            optimizer.zero_grad()
            loss = loss_fn(model(states), episode)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}


@loop
def noise_that_the_loss_draws(scope_of):
    """A diffusion model whose loss draws the time and the noise."""

    class Denoiser(nn.Module):
        def __init__(self):
            super().__init__()
            self.time, self.first = nn.Embedding(20, 16), nn.Linear(8, 16)
            self.norm, self.last = nn.GroupNorm(4, 16), nn.Linear(16, 8)

        def forward(self, noisy, step):
            return self.last(functional.silu(self.norm(self.first(noisy) + self.time(step))))

    kept = torch.linspace(0.99, 0.1, 20)

    def loss_fn(model, clean):
        step = torch.randint(20, (len(clean),))
        noise, level = torch.randn_like(clean), kept[step, None]
        return mse_loss(model(level.sqrt() * clean + (1 - level).sqrt() * noise, step), noise)

    model = Denoiser()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scope, losses = scope_of(model, loss_fn, optimizer), []
    for _ in range(STEPS):
        clean = torch.randn(24, 8) * 0.3 + math.pi
        with scope.step(clean):
            optimizer.zero_grad()
            loss = loss_fn(model, clean)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses, {"model": model, "optimizer": optimizer}
