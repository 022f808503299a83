"""A small training by Lightning that does what trainings do: log, count, drop out, clip."""

from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins import MixedPrecision
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric

BATCH = 8


def dataset(batches):
    stream = torch.Generator().manual_seed(1)
    inputs = torch.randn(batches * BATCH, 6, generator=stream)
    return TensorDataset(inputs, (inputs[:, 0] > 0).long())


class Small(LightningModule):
    """Logs in every way that there is, and draws dropout masks."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, 2)
        )
        self.mean_loss = MeanMetric()
        self.losses = []

    def forward(self, inputs):
        return self.net(inputs)

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.mean_loss.update(loss.detach())
        self.log("loss", loss, on_step=True, on_epoch=True)
        self.log_dict({"index": float(batch_idx), "mean": self.mean_loss}, on_epoch=True)
        self.logger.log_metrics({"direct": loss.item()}, step=self.global_step)
        self.losses.append(loss.item())
        return {"loss": loss, "more": 1}

    def loss(self, batch):
        inputs, targets = batch
        # In the trainer's own default precision, whatever torch's is outside of a step.
        weight = torch.tensor([1.0, 2.0])
        return nn.functional.cross_entropy(self(inputs), targets, weight)

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


class Noisy(Small):
    """Draws in its step before it calls itself, as denoising and mixing do."""

    def loss(self, batch):
        inputs, targets = batch
        return super().loss((inputs + torch.randn_like(inputs), targets))


class Bare(Small):
    """Takes the batch alone, gives the loss alone, and never calls itself."""

    def training_step(self, batch):
        inputs, targets = batch
        loss = nn.functional.cross_entropy(self.net(inputs), targets)
        self.losses.append(loss.item())
        return loss


class Manual(Small):
    automatic_optimization = False


class Gradients(Callback):
    """Notes the norm of what the optimiser used, before it was clipped."""

    def __init__(self):
        self.norms = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        del trainer, optimizer
        squares = [float(p.grad.square().sum()) for p in pl_module.parameters()]
        self.norms.append(sum(squares) ** 0.5)


def trainer(folder, *callbacks, steps=4, **settings):
    if settings.get("precision") == "16-mixed":
        # Lightning gives no CPU this precision of its own accord.
        scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
        settings["plugins"] = [MixedPrecision(settings.pop("precision"), "cpu", scaler)]
    return Trainer(
        max_steps=steps,
        accelerator="cpu",
        devices=1,
        logger=CSVLogger(str(folder), name="log", version=0),
        log_every_n_steps=1,
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )


def fit(folder, *callbacks, module=None, steps=4, **settings):
    """The module after a training, which starts from the same weights and draws each time."""
    seed_everything(0)
    made = Small() if module is None else module()
    every = settings.get("accumulate_grad_batches", 1)
    loader = DataLoader(dataset(steps * every), batch_size=BATCH, shuffle=True)
    trainer(folder, *callbacks, steps=steps, **settings).fit(made, loader)
    return made


def as_bytes(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def traces(module):
    """Everything that a measurement could have changed, as bytes and plain values."""
    optimizer = module.trainer.optimizers[0]
    return {
        "weights": {n: as_bytes(t) for n, t in module.state_dict().items()},
        "optimizer": [
            {k: as_bytes(v) for k, v in state.items() if isinstance(v, torch.Tensor)}
            for state in optimizer.state.values()
        ],
        "gradients": [as_bytes(p.grad) for p in module.parameters()],
        "random": torch.get_rng_state().numpy().tobytes(),
        "losses": module.losses,
        "logged": {n: float(x) for n, x in module.trainer.callback_metrics.items()},
        "files": {
            path.name: path.read_text("utf-8")
            for path in Path(module.trainer.logger.log_dir).glob("*.csv")
        },
    }
