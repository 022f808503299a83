"""Small trainings by the Trainer of transformers; the models are made here, not fetched."""

import torch
from tests.integrations.lightning_training import as_bytes
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

BATCH = 4


class Classifier(nn.Module):
    """A model that is no PreTrainedModel, with a batch norm and dropout."""

    def __init__(self, dropout=0.5):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(dropout), nn.Linear(12, 2)
        )

    def forward(self, inputs, labels=None):
        logits = self.net(inputs)
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def without_dropout():
    return Classifier(dropout=0.0)


def language_model():
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=11,
            n_positions=8,
            n_embd=16,
            n_layer=2,
            n_head=2,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


def vectors(count):
    stream = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 6, generator=stream)
    return [{"inputs": x, "labels": (x[0] > 0).long()} for x in inputs]


def tokens(count):
    """Sequences of which different numbers of tokens count."""
    stream = torch.Generator().manual_seed(1)
    ids = torch.randint(11, (count, 8), generator=stream)
    labels = ids.clone()
    for row, length in enumerate(torch.randint(3, 9, (count,), generator=stream)):
        labels[row, length:] = -100
    return [{"input_ids": x, "labels": y} for x, y in zip(ids, labels, strict=True)]


class Noting(Trainer):
    """Notes each batch, and its loss as it was differentiated."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.losses, self.batches, self.counts = [], [], []

    def training_step(self, model, inputs, num_items_in_batch=None):
        self.batches.append({name: tensor.clone() for name, tensor in inputs.items()})
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.losses.append(loss.item())
        self.counts.append(num_items_in_batch)
        return loss

    def own_losses(self):
        """The last loss of each update, as the mean over its own batch."""
        every = self.args.gradient_accumulation_steps
        rows = list(zip(self.losses, self.counts, self.batches, strict=True))[every - 1 :: every]
        return [
            loss * (every if count is None else int(count) / items(batch))
            for loss, count, batch in rows
        ]


def items(batch):
    """What a loss is divided by: labels that count, the first of a sequence included."""
    return int(batch["labels"].ne(-100).sum())


class Noisy(Noting):
    """Draws, logs and pops, before the model is called."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        del num_items_in_batch
        labels = inputs.pop("labels")
        noisy = inputs["inputs"] + torch.randn_like(inputs["inputs"])
        outputs = model(noisy)
        loss = 2 * nn.functional.cross_entropy(outputs["logits"], labels)
        self.log({"noisy": loss.item()})
        return (loss, outputs) if return_outputs else loss


def summed(outputs, labels, num_items_in_batch=None):
    loss = nn.functional.cross_entropy(outputs["logits"], labels, reduction="sum")
    return loss / num_items_in_batch


def trained(
    folder,
    attach=None,
    *,
    kind=Noting,
    model=Classifier,
    loss=None,
    save_at=None,
    resume_from=None,
    **settings,
):
    """The trainer after a training, from the same weights and draws each time."""
    set_seed(0)
    data = tokens if model is language_model else vectors
    count = 4 * BATCH * settings.get("gradient_accumulation_steps", 1)
    trainer = kind(
        model=model(),
        args=TrainingArguments(
            str(folder),
            max_steps=4,
            per_device_train_batch_size=BATCH,
            logging_steps=1,
            eval_strategy="steps",
            eval_steps=2,
            save_strategy="steps" if save_at else "no",
            save_steps=save_at or 1,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            optim="sgd",
            optim_args="momentum=0.9",
            learning_rate=0.1,
            **settings,
        ),
        train_dataset=data(count),
        eval_dataset=data(BATCH),
        compute_loss_func=loss,
    )
    if attach is not None:
        trainer.add_callback(attach(trainer))
    trainer.train(resume_from_checkpoint=resume_from)
    return trainer


def traces(trainer):
    """Everything that a measurement could have changed, as bytes and plain values."""
    timed = {"train_runtime", "train_samples_per_second", "train_steps_per_second"}
    timed |= {name.replace("train", "eval") for name in timed}
    return {
        "weights": {n: as_bytes(t) for n, t in trainer.model.state_dict().items()},
        "optimizer": [
            {k: as_bytes(v) for k, v in state.items() if isinstance(v, torch.Tensor)}
            for state in trainer.optimizer.state.values()
        ],
        "random": torch.get_rng_state().numpy().tobytes(),
        "losses": trainer.losses,
        "logged": [
            {name: x for name, x in row.items() if name not in timed}
            for row in trainer.state.log_history
        ],
        "own": sorted(vars(trainer)),
    }
