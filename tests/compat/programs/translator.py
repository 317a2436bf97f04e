"""Encoder and decoder: words spelled backwards, with PyTorch's own Transformer."""

import torch
from torch import nn

WORDS = [
    "tensor",
    "matrix",
    "vector",
    "scalar",
    "kernel",
    "stride",
    "padding",
    "pooling",
    "softmax",
    "dropout",
]
LETTERS = ["<pad>", "<", ">", *sorted(set("".join(WORDS)))]
LONGEST = max(map(len, WORDS)) + 2
WIDTH = 16


def rows(words):
    numbers = torch.zeros(len(words), LONGEST, dtype=torch.int64)
    for i, word in enumerate(words):
        marked = ["<", *word, ">"]
        numbers[i, : len(marked)] = torch.tensor([LETTERS.index(c) for c in marked])
    return numbers


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), WIDTH)
        self.places = nn.Parameter(torch.randn(LONGEST, WIDTH) * 0.1)
        self.transformer = nn.Transformer(
            WIDTH, 2, 2, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.head = nn.Linear(WIDTH, len(LETTERS))

    def forward(self, source, target):
        a, b = (self.embedding(x) + self.places[: x.shape[1]] for x in (source, target))
        length = target.size(1)
        out = self.transformer(
            a,
            b,
            tgt_mask=torch.ones(length, length, dtype=torch.bool).triu(diagonal=1),
            src_key_padding_mask=source == 0,
            memory_key_padding_mask=source == 0,
        )
        return self.head(out)


def train(model, steps):
    """The losses of the steps."""
    source, target = rows(WORDS), rows([word[::-1] for word in WORDS])
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3)
    criterion = nn.CrossEntropyLoss(ignore_index=0)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        logits = model(source, target[:, :-1])
        loss = criterion(logits.flatten(0, 1), target[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        schedule.step(loss.item())
        losses.append(loss.item())
    return losses


def result(model):
    """The answers, letter after letter."""
    model.eval()
    source = rows(WORDS[:3])
    target = torch.full((3, 1), LETTERS.index("<"), dtype=torch.long)
    with torch.no_grad():
        for _ in range(LONGEST - 2):
            best = model(source, target)[:, -1].argmax(-1, keepdim=True)
            target = torch.cat([target, best], 1)
    return target.tolist()
