"""What recurrent networks are for: memory over a hundred steps, and Russian numerals in letters."""

import statistics

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.data import Vocabulary, adding, russian_numerals

LENGTH = 100
ANSWERING_ONE = 1 / 6  # the mean squared error of who always answers 1


def _open_for_long(lstm, length):
    """Forget gates that at first keep the cell for 1 to ``length`` steps, and let as little in.

    (Tallec and Ollivier, Can recurrent neural networks warp time?, 2018)
    """
    H = lstm.hidden_size
    with nnc.no_grad():
        lstm.bias_hh_l0.zero_()
        lstm.bias_ih_l0[H : 2 * H] = (nnc.rand(H) * (length - 2) + 1).log()
        lstm.bias_ih_l0[:H] = -lstm.bias_ih_l0[H : 2 * H]


def _error_after_training(kind, seed, steps=1200):
    """Mean squared error on new sequences, after the steps or when it is small."""
    nnc.manual_seed(seed)
    layer, head = getattr(nn, kind)(2, 32, batch_first=True), nn.Linear(32, 1)
    if kind == "LSTM":
        _open_for_long(layer, LENGTH)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = optim.Adam(parameters, lr=0.01 if kind == "LSTM" else 0.001)
    drawn = nnc.Generator(seed)
    x_new, y_new = adding(400, LENGTH, seed=100 + seed)
    for step in range(1, steps + 1):
        x, y = adding(32, LENGTH, generator=drawn)
        optimizer.zero_grad()
        nn.functional.mse_loss(head(layer(x)[0][:, -1]), y).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % 100 == 0:
            with nnc.no_grad():
                error = nn.functional.mse_loss(head(layer(x_new)[0][:, -1]), y_new).item()
            if error < 0.005:
                break
    return error


@pytest.mark.slow
def test_an_lstm_adds_over_a_hundred_steps_and_an_rnn_does_not():
    """Medians of three seeds, equal sizes and at most equally many steps."""
    lstm = [_error_after_training("LSTM", seed) for seed in range(3)]
    rnn = [_error_after_training("RNN", seed) for seed in range(3)]
    assert statistics.median(lstm) < 0.01, lstm
    assert statistics.median(rnn) > 0.9 * ANSWERING_ONE, rnn


DIGITS = 6
END = 0


class Speller(nn.Module):
    """What comes after each letter of a numeral, as a recurrent network sees the letters so far.

    Beside the letter before, every step sees the digits of the number, last digit first.
    """

    def __init__(self, n_letters):
        super().__init__()
        self.embedding = nn.Embedding(n_letters, 24)
        self.layer = nn.LSTM(24 + DIGITS * 10, 64)
        self.head = nn.Linear(64, n_letters)

    def forward(self, letters, digits, state=None, lengths=None):
        seen = digits[None].expand(len(letters), *digits.shape)
        output, state = self.layer(nnc.cat([self.embedding(letters), seen], 2), state, lengths)
        return self.head(output), state

    def spell(self, vocabulary, numbers, longest=100):
        """The most likely letters, one after another."""
        letters, state = nnc.zeros(1, len(numbers), dtype=nnc.int64), None
        rows = []
        with nnc.no_grad():
            for _ in range(longest):
                scores, state = self(letters, _digits(numbers), state)
                letters = scores.argmax(-1)
                rows.append(letters[0])
        texts = [vocabulary.decode(row) for row in nnc.stack(rows, 1)]
        return [text.partition(vocabulary.tokens[END])[0] for text in texts]


def _digits(numbers):
    out = np.zeros((len(numbers), DIGITS, 10), np.float32)
    for row, number in zip(out, numbers):
        for place, digit in enumerate(reversed(number)):
            row[place, int(digit)] = 1
    return nnc.tensor(out.reshape(len(numbers), -1))


@pytest.mark.slow
def test_a_character_model_spells_russian_numerals():
    """Trained on 4000 numbers below a million, it spells more than nine in ten of others."""
    nnc.manual_seed(0)
    pairs = russian_numerals(4300, seed=0)
    order = np.random.default_rng(0).permutation(len(pairs))
    train, new = ([pairs[i] for i in part] for part in (order[300:], order[:300]))
    vocabulary = Vocabulary([words for _, words in pairs], special=("<end>",))
    model = Speller(len(vocabulary))
    steps, rate = 2000, 0.01
    optimizer = optim.Adam(model.parameters(), lr=rate)
    random = np.random.default_rng(1)
    end = nnc.tensor([END])
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, 2 * (1 - step / steps))
        batch = [train[i] for i in random.integers(len(train), size=32)]
        texts = [vocabulary.encode(words) for _, words in batch]
        letters = nn.utils.rnn.pad_sequence([nnc.cat([end, text]) for text in texts])
        after = nn.utils.rnn.pad_sequence([nnc.cat([text, end]) for text in texts], False, -100)
        optimizer.zero_grad()
        scores, _ = model(
            letters, _digits([n for n, _ in batch]), lengths=[len(text) + 1 for text in texts]
        )
        nn.functional.cross_entropy(scores.flatten(0, 1), after.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    spelled = model.spell(vocabulary, [n for n, _ in new])
    right = np.mean([text == words for text, (_, words) in zip(spelled, new)])
    assert right > 0.93, [p for p in zip(spelled, new) if p[0] != p[1][1]][:5]
