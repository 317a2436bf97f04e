"""A character-level GRU on names of different lengths: padding, packing, and the state kept."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.optim.lr_scheduler import OneCycleLR

NAMES = [
    "liam",
    "noah",
    "william",
    "james",
    "oliver",
    "benjamin",
    "elijah",
    "lucas",
    "mason",
    "logan",
    "alexander",
    "ethan",
]
LETTERS = ["<pad>", ".", *sorted(set("".join(NAMES)))]
NUMBER = {letter: i for i, letter in enumerate(LETTERS)}


def batch(names):
    rows = [torch.tensor([NUMBER[letter] for letter in f".{name}."]) for name in names]
    padded = pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) - 1 for row in rows])
    return padded[:, :-1], padded[:, 1:], lengths


class Model(nn.Module):
    def __init__(self, width=8, hidden=20):
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), width, padding_idx=0)
        self.rnn = nn.GRU(width, hidden, num_layers=2, batch_first=True)
        self.norm = nn.LayerNorm(hidden)
        self.head = nn.Linear(hidden, len(LETTERS))

    def forward(self, letters, lengths, state=None):
        packed = pack_padded_sequence(
            self.embedding(letters), lengths, batch_first=True, enforce_sorted=False
        )
        out, state = self.rnn(packed, state)
        out, _ = pad_packed_sequence(out, batch_first=True, total_length=letters.size(1))
        return self.head(self.norm(out)), state


def train(model, steps):
    """The losses of the steps."""
    recurrent = [p for name, p in model.named_parameters() if name.startswith("rnn.")]
    others = [p for name, p in model.named_parameters() if not name.startswith("rnn.")]
    optimizer = torch.optim.Adam(
        [{"params": recurrent, "lr": 0.01}, {"params": others, "weight_decay": 1e-3}],
        lr=0.02,
        betas=(0.9, 0.98),
    )
    schedule = OneCycleLR(optimizer, max_lr=[0.01, 0.02], total_steps=steps)
    criterion = nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.05)
    losses, state = [], None
    for step in range(steps):
        letters, targets, lengths = batch(NAMES[4 * (step % 3) :][:4])
        if state is not None:
            state = state.detach()
        logits, state = model(letters, lengths, state)
        loss = criterion(logits.transpose(1, 2), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return losses


@torch.inference_mode()
def result(model):
    """The log-likelihood of each name."""
    model.eval()
    letters, targets, lengths = batch(NAMES)
    logits, _ = model(letters, lengths)
    chosen = logits.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return chosen.masked_fill(targets == 0, 0.0).sum(1).tolist()
