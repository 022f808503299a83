"""What studies survive, held to bars: run by ``python -m torture``, shown in docs/reliability.md."""
