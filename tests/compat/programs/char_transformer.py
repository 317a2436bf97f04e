"""A character-level Transformer: a decoder with causal attention written out, as GPT has it."""

import io
import math

import torch
import torch.nn as nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from torch.utils.data.dataloader import DataLoader

TEXT = """
Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?
"""  # William Blake, 1794
LETTERS = sorted(set(TEXT))
BLOCK, WIDTH, HEADS, DEPTH = 16, 24, 3, 2


class Pieces(Dataset):
    def __init__(self):
        self.numbers = torch.tensor([LETTERS.index(c) for c in TEXT], dtype=torch.long)

    def __len__(self):
        return len(self.numbers) - BLOCK - 1

    def __getitem__(self, i):
        piece = self.numbers[i : i + BLOCK + 1]
        x, y = piece[:-1], piece[1:].clone()
        y[: BLOCK // 4] = -1
        return x, y


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH)
        self.c_proj = nn.Linear(WIDTH, WIDTH)
        mask = torch.tril(torch.ones(BLOCK, BLOCK)).view(1, 1, BLOCK, BLOCK)
        self.register_buffer("mask", mask)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(WIDTH, dim=2)
        q, k, v = (t.view(B, T, HEADS, C // HEADS).transpose(1, 2) for t in (q, k, v))
        weights = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        weights = weights.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        y = F.softmax(weights, dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH)
        self.attn = Attention()
        self.ln_2 = nn.LayerNorm(WIDTH)
        self.mlp = nn.ModuleDict(
            {
                "c_fc": nn.Linear(WIDTH, 4 * WIDTH),
                "act": nn.GELU(),
                "c_proj": nn.Linear(4 * WIDTH, WIDTH),
            }
        )

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        m = self.mlp
        return x + m.c_proj(m.act(m.c_fc(self.ln_2(x))))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(len(LETTERS), WIDTH),
                "wpe": nn.Embedding(BLOCK, WIDTH),
                "h": nn.ModuleList([Block() for _ in range(DEPTH)]),
                "ln_f": nn.LayerNorm(WIDTH),
            }
        )
        self.lm_head = nn.Linear(WIDTH, len(LETTERS), bias=False)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)

    def forward(self, idx, targets=None):
        t = idx.size(-1)
        pos = torch.arange(0, t, dtype=torch.long, device=idx.device).unsqueeze(0)
        x = self.transformer.wte(idx) + self.transformer.wpe(pos)
        for block in self.transformer.h:
            x = block(x)
        logits = self.lm_head(self.transformer.ln_f(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(
                logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1
            )
        return logits, loss

    def groups(self):
        decayed, spared = [], []
        for _, module in self.named_modules():
            for name, p in module.named_parameters(recurse=False):
                matrix = isinstance(module, nn.Linear) and name == "weight" and p.dim() == 2
                (decayed if matrix else spared).append(p)
        return [{"params": decayed, "weight_decay": 0.1}, {"params": spared, "weight_decay": 0.0}]


def train(model, steps):
    """The losses of the steps; every second batch adds to the gradients of the one before."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).train()
    optimizer = torch.optim.AdamW(model.groups(), lr=3e-3, betas=(0.9, 0.95))
    warm = lambda step: min(1.0, (step + 1) / 5)  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm)
    loader = DataLoader(Pieces(), batch_size=8, num_workers=0, pin_memory=True)
    batches = iter(loader)
    losses = []
    for step in range(steps):
        try:
            batch = next(batches)
        except StopIteration:
            batches = iter(loader)
            batch = next(batches)
        x, y = [t.to(device) for t in batch]
        _, loss = model(x, y)
        (loss / 2).backward()
        losses.append(loss.item())
        if step % 2:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
    return losses


@torch.inference_mode()
def result(model):
    """What the model writes after it was saved and loaded: of the five likeliest, the first."""
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    again = Model()
    again.load_state_dict(torch.load(file))
    again.eval()
    idx = torch.tensor([[LETTERS.index("T")]])
    for _ in range(20):
        logits, _ = again(idx[:, -BLOCK:])
        values, _ = torch.topk(logits[:, -1, :], 5)
        logits = logits[:, -1, :].clone()
        logits[logits < values[:, [-1]]] = -float("Inf")
        _, best = torch.topk(F.softmax(logits, dim=-1), k=1, dim=-1)
        idx = torch.cat((idx, best), dim=1)
    return "".join(LETTERS[i] for i in idx[0].tolist())
