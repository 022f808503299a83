"""What a study survives, held to bars: ``python -m torture``, shown in docs/reliability.md."""
