"""Attention as people write it: torch's modules, torch's function, and by hand."""

import math

import torch
from tests.measures.networks import Case, classes, gaussian, weight_and_bias
from torch import Tensor, nn
from torch.nn import functional

WORDS = 7


def words(*shape: int) -> Tensor:
    return torch.randint(0, WORDS, shape, generator=torch.Generator().manual_seed(4))


def next_word(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def projection(module: str) -> list[str]:
    return [f"{module}.in_proj_weight", f"{module}.in_proj_bias"]


class Attends(nn.Module):
    """`nn.MultiheadAttention` itself, with a mask of padding, its weights in the output."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(3, 8)
        self.attention = nn.MultiheadAttention(8, 2, dropout=0.1, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor, padded: Tensor) -> Tensor:
        x = self.lift(x)
        mixed, weights = self.attention(x, x, x, key_padding_mask=padded)
        return self.head((x + mixed).mean(1)) + weights.std()


def multihead() -> Case:
    layers = {
        "lift": weight_and_bias("lift"),
        "attention": projection("attention"),
        "attention.out_proj": weight_and_bias("attention.out_proj"),
        "head": weight_and_bias("head"),
    }
    padded = torch.arange(4) >= torch.tensor([4, 3, 2, 4, 3])[:, None]
    return Case(
        Attends(), functional.cross_entropy, (gaussian(5, 4, 3), padded), classes(5), layers
    )


class Crosses(nn.Module):
    """Keys and values of other widths: three projections, and a bias for keys and values."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(3, 8)
        self.attention = nn.MultiheadAttention(
            8, 2, kdim=5, vdim=6, add_bias_kv=True, batch_first=True
        )

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return self.attention(self.lift(query), key, value, need_weights=False)[0]


def cross_attention() -> Case:
    three = [f"attention.{letter}_proj_weight" for letter in "qkv"]
    layers = {
        "lift": weight_and_bias("lift"),
        "attention": [*three, "attention.in_proj_bias", "attention.bias_k", "attention.bias_v"],
        "attention.out_proj": weight_and_bias("attention.out_proj"),
    }
    inputs = (gaussian(4, 3, 3), gaussian(4, 5, 5, seed=5), gaussian(4, 5, 6, seed=6))
    return Case(Crosses(), functional.mse_loss, inputs, gaussian(4, 3, 8, seed=7), layers)


def encoder_layer(*, norm_first: bool) -> Case:
    model = nn.Sequential(
        nn.Linear(3, 8),
        nn.TransformerEncoderLayer(
            8, 2, 12, dropout=0.1, activation="gelu", batch_first=True, norm_first=norm_first
        ),
        nn.Linear(8, 2),
    )
    norm1, norm2 = weight_and_bias("1.norm1"), weight_and_bias("1.norm2")
    layers = {
        "0": weight_and_bias("0"),
        "1.self_attn": projection("1.self_attn"),
        "1.self_attn.out_proj": weight_and_bias("1.self_attn.out_proj"),
        "1.linear1": weight_and_bias("1.linear1"),
        "1.linear2": weight_and_bias("1.linear2"),
        "2": weight_and_bias("2"),
    }
    for norm, behind in (
        (norm1, "0" if norm_first else "1.self_attn.out_proj"),
        (norm2, "1.self_attn.out_proj" if norm_first else "1.linear2"),
    ):
        layers[behind] += norm
    return Case(model, functional.mse_loss, gaussian(5, 4, 3), gaussian(5, 4, 2, seed=6), layers)


class CausalEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        block = nn.TransformerEncoderLayer(8, 2, 10, dropout=0.1, batch_first=True)
        self.words = nn.Embedding(WORDS, 8)
        self.encoder = nn.TransformerEncoder(block, 2, nn.LayerNorm(8), enable_nested_tensor=False)
        self.head = nn.Linear(8, WORDS)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], dtype=torch.double)
        return self.head(self.encoder(self.words(tokens), mask=mask, is_causal=True))


def causal_encoder() -> Case:
    layers = {"words": ["words.weight"]}
    for block in ("encoder.layers.0", "encoder.layers.1"):
        out = f"{block}.self_attn.out_proj"
        layers |= {
            f"{block}.self_attn": projection(f"{block}.self_attn"),
            out: weight_and_bias(out, f"{block}.norm1"),
            f"{block}.linear1": weight_and_bias(f"{block}.linear1"),
            f"{block}.linear2": weight_and_bias(f"{block}.linear2", f"{block}.norm2"),
        }
    layers["encoder.layers.1.linear2"] += weight_and_bias("encoder.norm")
    layers["head"] = weight_and_bias("head")
    return Case(CausalEncoder(), next_word, words(4, 5), words(4, 5).roll(1, 1), layers)


class CausalAttention(nn.Module):
    """One projection split in three, heads by view and transpose."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(8, 24, bias=False)
        self.join = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, 2, width // 2).transpose(1, 2)
            for part in self.project(x).split(width, dim=2)
        )
        y = functional.scaled_dot_product_attention(
            q, k, v, dropout_p=0.1 if self.training else 0.0, is_causal=True
        )
        return self.join(y.transpose(1, 2).contiguous().view(batch, length, width))


class LanguageModel(nn.Module):
    """As in nanoGPT: a table of positions that is a bare parameter, and tied embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, WORDS, bias=False)
        self.words = nn.Embedding(WORDS, 8)
        self.words.weight = self.head.weight
        self.positions = nn.Parameter(torch.randn(6, 8))
        self.attention = CausalAttention()
        self.feed = nn.Sequential(nn.RMSNorm(8), nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 8))

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.words(tokens) + self.positions[: tokens.shape[1]]
        x = x + self.attention(functional.normalize(x, dim=-1) * math.sqrt(8))
        x = x + self.feed(x)
        return self.head(self.norm(x))


def language_model() -> Case:
    """The weight of the head comes first of all: as the embedding. The positions are a layer."""
    layers = {
        "head": ["head.weight"],
        "positions": ["positions"],
        "attention.project": ["attention.project.weight"],
        "attention.join": [*weight_and_bias("attention.join"), "feed.0.weight"],
        "feed.1": weight_and_bias("feed.1"),
        "feed.3": weight_and_bias("feed.3", "norm"),
    }
    return Case(LanguageModel(), next_word, words(4, 5), words(4, 5).roll(1, 1), layers)


class ByHand(nn.Module):
    """Attention from einsum and softmax, with a mask written in place."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Linear(4, 4)
        self.keys = nn.Linear(4, 4, bias=False)
        self.queries = nn.Linear(4, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.einsum("bqd,bkd->bqk", self.queries(x), self.keys(x)) / 2
        hidden = torch.ones(x.shape[1], x.shape[1]).triu(1).bool()
        scores.masked_fill_(hidden, -math.inf)
        return scores.softmax(-1) @ self.values(x)


def by_hand() -> Case:
    layers = {
        "queries": ["queries.weight"],
        "keys": ["keys.weight"],
        "values": weight_and_bias("values"),
    }
    return Case(ByHand(), functional.mse_loss, gaussian(4, 5, 4), gaussian(4, 5, 4, seed=8), layers)


NETWORKS = {
    "multihead attention": multihead,
    "cross attention": cross_attention,
    "encoder layer, norm first": lambda: encoder_layer(norm_first=True),
    "encoder layer, norm last": lambda: encoder_layer(norm_first=False),
    "causal encoder": causal_encoder,
    "language model": language_model,
    "attention by hand": by_hand,
}
