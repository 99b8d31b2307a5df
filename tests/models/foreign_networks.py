"""PyTorch networks as a Python file of its own, for .venv-models-torch; and the same networks exported."""

import subprocess
from pathlib import Path

from edged_models.environments.environment import PYTORCH

SIDE_PX = 32
NETWORKS = '''
import torch
from torch import nn
from torch.nn import functional


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.SiLU(), nn.Conv2d(8, 16, 1), nn.Hardswish(), nn.MaxPool2d(3, 2, 1),
        )
        self.head = nn.Linear(16, 5)

    def forward(self, image):
        return torch.softmax(4 * self.head(self.features(image).mean((2, 3))), 1)


class Detector(nn.Module):
    """Boxes in pixels and scores in one output (1, 4 + classes, 21 cells at 32 px), as an export of YOLOv8 has them."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 6, 4, 1), nn.SiLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.SiLU())
        self.middle, self.coarse = nn.Conv2d(8, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)
        self.wide, self.narrow = nn.Conv2d(16, 7, 1), nn.Conv2d(8, 7, 1)
        self.register_buffer("centres", torch.rand(1, 2, 21))

    def forward(self, image):
        fine = self.stem(image)
        middle = self.middle(fine)
        raised = functional.interpolate(middle, scale_factor=2.0, mode="nearest")
        levels = [self.wide(torch.cat([fine, raised], 1)), self.narrow(middle), self.narrow(self.coarse(middle))]
        box, score = torch.cat([one.flatten(2) for one in levels], 2).split((4, 3), 1)
        return torch.cat([(self.centres + box[:, :2]) * 32, box[:, 2:].exp() * 4, score.sigmoid()], 1)


class TwoOutputs(nn.Module):
    """A map of features and a list, of other shapes and names that do not sort in their order."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, image):
        y = functional.leaky_relu(self.conv(image))
        y = y.reshape(1, 2, 4, 16, 16).transpose(1, 2).reshape(1, 8, 16, 16)
        return functional.pixel_shuffle(y, 2), y.permute(0, 2, 3, 1).reshape(1, -1, 4)


def make(kind):
    torch.manual_seed(7)
    net = kind()
    for one in net.modules():
        if isinstance(one, nn.BatchNorm2d):
            one.running_mean.uniform_(-0.2, 0.2)
            one.running_var.uniform_(0.5, 2)
    return net


image = torch.rand(1, 3, 32, 32)


def classifier():
    return make(Classifier), image


def detector():
    return make(Detector)


def two_outputs():
    return make(TwoOutputs), (image,)


def fails():
    raise ValueError("no weights")
'''
_EXPORT = """
import sys
import torch
import networks

folder = sys.argv[1]
for kind in (networks.Classifier, networks.Detector, networks.TwoOutputs):
    net = networks.make(kind).eval()
    name = f"{folder}/{kind.__name__.lower()}"
    torch.export.save(torch.export.export(net, (networks.image,)), f"{name}.pt2")
training = networks.make(networks.Classifier)
torch.export.save(torch.export.export(training, (networks.image,)), f"{folder}/training.pt2")
torch.save(net.state_dict(), f"{folder}/weights.pt")
torch.jit.script(net).save(f"{folder}/script.pt")
"""


def write_networks(folder: Path) -> Path:
    """Write the Python file; return its path."""
    path = folder / "networks.py"
    path.write_text(NETWORKS)
    return path


def export(folder: Path) -> None:
    """Write exported programs of the networks into a folder, and files that are refused."""
    write_networks(folder)
    (folder / "export.py").write_text(_EXPORT)
    subprocess.run([PYTORCH.python, "export.py", "."], cwd=folder, check=True, capture_output=True)
