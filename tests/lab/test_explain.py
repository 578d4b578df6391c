"""Saliency, features, nearest photos and worst mistakes on networks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from fingerspell.core.errors import DataError
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab.explain import features, nearest, saliency, worst_mistakes
from fingerspell.lab.nets.blocks import Network
from fingerspell.lab.nets.model import Model

LABELS = ("A", "B")


class Corner(Network):
    """Answers A by the brightness of rows 0–7, columns 24–31, and B by nothing at all."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.modes: list[bool] = []

    def features(self, photos: Tensor) -> Tensor:
        self.modes.append(self.training)
        bright = photos[:, :, :8, 24:].square().mean(dim=(1, 2, 3))
        return torch.stack([bright * self.weight, torch.zeros_like(bright)], dim=1)

    def classify(self, features: Tensor) -> Tensor:
        return features


def corner() -> Model:
    return Model("corner", LABELS, PreprocessSpec(32, 32), Corner())


@pytest.fixture
def photos():
    return np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


def test_saliency_lies_where_the_answer_comes_from(photos):
    maps = saliency(corner(), photos, [0, 0])
    assert maps.shape == (2, 32, 32)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps.max() == 1
    inside = maps[:, :8, 24:].sum()
    assert inside / maps.sum() > 0.9  # the rest is the readable map's blur
    assert maps[:, 10:, :].sum() == 0
    assert maps[:, :, :22].sum() == 0


def test_saliency_is_of_the_label_asked_for(photos):
    assert saliency(corner(), photos[:1], [1]).max() == 0


def test_saliency_is_the_same_every_time_and_follows_the_seed(photos):
    first = saliency(corner(), photos, [0, 0], copies=2, noise=0.5)
    torch.randn(7)  # the global random state plays no part
    assert np.array_equal(first, saliency(corner(), photos, [0, 0], copies=2, noise=0.5))
    assert not np.array_equal(first, saliency(corner(), photos, [0, 0], copies=2, noise=0.5, seed=1))


def test_saliency_leaves_the_network_as_it_was(photos):
    model = corner()
    model.net.train()
    saliency(model, photos, [0, 0])
    assert model.net.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.net.parameters())
    assert model.net.modes == [False, False]


def test_features_are_the_networks_own_whatever_the_batch(photos):
    model = corner()
    many = photos[[0, 1, 0, 1, 1]]
    whole = features(model, many, range(5))
    assert whole.shape == (5, 2)
    assert np.allclose(whole, features(model, many, range(5), batch=2), atol=1e-6)
    expected = (photos[1, :8, 24:] / 255.0) ** 2
    assert features(model, photos, [1])[0, 0] == pytest.approx(expected.mean(), rel=1e-5)
    with pytest.raises(DataError):
        features(model, photos, [])


def test_nearest_goes_by_angle_not_by_length():
    references = np.array([[10, 0], [0.1, 0.1], [0, 1], [-1, -1]], dtype=np.float32)
    places, cosines = nearest(np.array([[2, 2], [0, 3]], dtype=np.float32), references, count=2)
    assert places.tolist() == [[1, 0], [2, 1]]
    assert cosines[0] == pytest.approx([1, np.sqrt(0.5)])


def test_nearest_is_the_same_in_pieces():
    generator = np.random.default_rng(1)
    queries, references = generator.normal(size=(5, 8)), generator.normal(size=(23, 8))
    queries, references = queries.astype(np.float32), references.astype(np.float32)
    whole = nearest(queries, references, count=4, chunk=100)
    pieces = nearest(queries, references, count=4, chunk=3)
    assert np.array_equal(whole[0], pieces[0])
    assert whole[1] == pytest.approx(pieces[1])


def test_nearest_with_few_references_and_with_a_dead_feature_vector():
    places, cosines = nearest(np.zeros((1, 2), np.float32), np.ones((2, 2), np.float32), count=3)
    assert places.tolist() == [[0, 1]]
    assert cosines.tolist() == [[0, 0]]


def test_worst_mistakes_are_the_surest_and_show_each_confusion_before_any_twice():
    probabilities = np.array(
        [[0.01, 0.99, 0], [0.02, 0.98, 0], [0.6, 0.4, 0], [0.9, 0.1, 0], [0.3, 0.0, 0.7]], dtype=np.float32
    )
    truth = np.array([0, 0, 1, 0, 0])
    assert worst_mistakes(probabilities, truth, count=3).tolist() == [0, 4, 2]
    assert worst_mistakes(probabilities, truth, count=4).tolist() == [0, 1, 4, 2]
    assert worst_mistakes(probabilities, truth, count=1).tolist() == [0]
    assert worst_mistakes(probabilities[3:4], truth[3:4]).tolist() == []
