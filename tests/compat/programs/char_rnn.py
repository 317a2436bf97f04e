"""A character-level RNN that tells the language of a name; the cell and the update by hand."""

import torch
import torch.nn as nn

NAMES = {
    "English": ["smith", "taylor", "brown", "wilson", "evans", "walker", "wright", "green"],
    "Russian": ["ivanov", "smirnov", "popov", "volkov", "lebedev", "kozlov", "novikov", "morozov"],
    "Italian": ["rossi", "russo", "ferrari", "esposito", "bianchi", "romano", "colombo", "ricci"],
}
LANGUAGES = list(NAMES)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def one_hot(name):
    rows = torch.zeros(len(name), 1, len(LETTERS))
    for i, letter in enumerate(name):
        rows[i][0][LETTERS.index(letter)] = 1
    return rows


class Model(nn.Module):
    def __init__(self, hidden_size=24):
        super(Model, self).__init__()  # noqa: UP008
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(len(LETTERS) + hidden_size, hidden_size)
        self.i2o = nn.Linear(len(LETTERS) + hidden_size, len(LANGUAGES))
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = torch.tanh(self.i2h(combined))
        output = self.softmax(self.i2o(combined))
        return output, hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


def answer(model, name):
    hidden = model.init_hidden()
    letters = one_hot(name)
    for i in range(letters.size()[0]):
        output, hidden = model(letters[i], hidden)
    return output


def train(model, steps, rate=0.3):
    """The losses of the steps."""
    criterion = nn.NLLLoss()
    losses = []
    for step in range(steps):
        language = step % len(LANGUAGES)
        names = NAMES[LANGUAGES[language]]
        name = names[step // len(LANGUAGES) % len(names)]
        model.zero_grad()
        loss = criterion(answer(model, name), torch.tensor([language], dtype=torch.long))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        for p in model.parameters():
            p.data.add_(p.grad.data, alpha=-rate)
        losses.append(loss.data.item())
    return losses


def result(model):
    """The confusion matrix."""
    confusion = torch.zeros(len(LANGUAGES), len(LANGUAGES))
    with torch.no_grad():
        for i, language in enumerate(LANGUAGES):
            for name in NAMES[language]:
                _, top_index = answer(model, name).data.topk(1)
                confusion[i][top_index[0][0]] += 1
    for i in range(len(LANGUAGES)):
        confusion[i] = confusion[i] / confusion[i].sum()
    return confusion.tolist()
