"""How the norms of a model are replaced: what stands there, what it takes, and what follows."""
