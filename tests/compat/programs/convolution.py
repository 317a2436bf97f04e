"""A small convolutional network on bars that lie or stand: batch norm, pooling, dropout off."""

import torch
import torch.nn.functional as F
import torch.optim as optim
from torch import nn


def bars():
    pictures, labels = [], []
    for place in range(8):
        for standing in (0, 1):
            picture = torch.zeros(1, 8, 8)
            if standing:
                picture[0, :, place] = 1.0
            else:
                picture[0, place] = 1.0
            pictures.append(picture)
            labels.append(standing)
    return torch.stack(pictures), torch.LongTensor(labels)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3)
        self.dropout = nn.Dropout(p=0.0)
        self.fc = nn.Linear(6 * 3 * 3, 2)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.leaky_relu(self.conv2(F.pad(x, (2, 2, 2, 2))), 0.1), (2, 2))
        x = self.dropout(torch.flatten(x, 1))
        return F.log_softmax(self.fc(x), dim=1)


def train(model, steps):
    """The losses of the steps."""
    pictures, labels = bars()
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.95)
    losses = []
    for step in range(steps):
        model.train()
        chosen = slice(4 * (step % 4), 4 * (step % 4) + 4)
        optimizer.zero_grad()
        loss = F.nll_loss(model(pictures[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def result(model):
    """The right answers, and the statistics that batch norm gathered."""
    model.eval()
    pictures, labels = bars()
    with torch.no_grad():
        output = model(pictures)
    pred = output.argmax(dim=1, keepdim=True)
    right = pred.eq(labels.view_as(pred)).sum().item()
    return [right, *model.bn1.running_mean.tolist(), *model.bn1.running_var.tolist()]
