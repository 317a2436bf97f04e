"""A character-level MLP: the next letter of a name from three before it (Bengio et al., 2003)."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

NAMES = [
    "emma",
    "olivia",
    "ava",
    "isabella",
    "sophia",
    "charlotte",
    "mia",
    "amelia",
    "harper",
    "evelyn",
    "abigail",
    "emily",
]
LETTERS = [".", *sorted(set("".join(NAMES)))]
NUMBER = {letter: i for i, letter in enumerate(LETTERS)}
CONTEXT = 3


def examples():
    contexts, nexts = [], []
    for name in NAMES:
        context = [0] * CONTEXT
        for letter in name + ".":
            contexts.append(context)
            nexts.append(NUMBER[letter])
            context = [*context[1:], NUMBER[letter]]
    return torch.tensor(contexts), torch.tensor(nexts, dtype=torch.long)


class Model(nn.Module):
    def __init__(self, width=8, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), width)
        self.layers = nn.Sequential(
            nn.Linear(CONTEXT * width, hidden), nn.Tanh(), nn.Linear(hidden, len(LETTERS))
        )

    def forward(self, context):
        return self.layers(self.embedding(context).view(context.shape[0], -1))


def train(model, steps):
    """The losses of the steps."""
    loader = DataLoader(TensorDataset(*examples()), batch_size=16, shuffle=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)
    schedule = StepLR(optimizer, step_size=10, gamma=0.5)
    losses = []
    while len(losses) < steps:
        for context, target in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(context), target)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return losses[:steps]


@torch.no_grad()
def result(model):
    """The likeliest continuations, letter by letter."""
    model.eval()
    context = torch.zeros(1, CONTEXT, dtype=torch.long)
    name = ""
    for _ in range(10):
        probabilities = F.softmax(model(context), dim=-1)
        letter = probabilities.argmax(dim=-1)
        name += LETTERS[letter.item()]
        context = torch.cat([context[:, 1:], letter[:, None]], dim=1)
    return name
