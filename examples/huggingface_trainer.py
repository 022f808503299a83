"""landscope in a training by the Trainer of transformers: one callback.

``python examples/huggingface_trainer.py [steps]`` trains a small language model, from scratch and
on sequences made here, to count upwards.
"""

import sys
from tempfile import TemporaryDirectory

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

from landscope.integrations.huggingface import HuggingFaceScope

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100
config = GPT2Config(
    vocab_size=32, n_positions=16, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
)
starts = torch.randint(16, (256,), generator=torch.Generator().manual_seed(0))
sequences = [start + torch.arange(16) for start in starts]
with TemporaryDirectory() as folder:
    trainer = Trainer(
        model=GPT2LMHeadModel(config),
        args=TrainingArguments(
            folder, max_steps=steps, learning_rate=1e-3, report_to=[], save_strategy="no"
        ),
        train_dataset=[{"input_ids": ids, "labels": ids} for ids in sequences],
    )
    callback = HuggingFaceScope(trainer, every=5)  # or budget=0.05: 5 % of the time
    trainer.add_callback(callback)
    trainer.train()

last = max(reading.step for reading in callback.scope.readings)
for reading in callback.scope.readings:
    if reading.step == last and reading.layer is None and isinstance(reading.value, float):
        print(f"{reading.key:40} {reading.value:12.4g} {reading.unit}")
