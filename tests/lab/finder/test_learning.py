"""Targets and losses by hand, a training that learns and goes on after a stop, and the ONNX file that comes of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fingerspell.core.errors import BundleError, TrainingError
from fingerspell.core.finder_file import BOXES, FRAMES, SCORES
from fingerspell.lab.finder import export, training
from fingerspell.lab.finder.loss import boxes_at, loss, targets
from fingerspell.lab.finder.net import MULTIPLE, STRIDE, FinderNet, distances
from fingerspell.lab.finder.training import Settings, frames_of, photos_of, train

SMALL = Settings(steps=3, batch=2, seed=4)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(training, "SIZES", ((64, 96), (64, 64)))
    monkeypatch.setattr(training, "_OFTEN", (0.5, 0.5))


def test_the_middles_cell_is_one_and_knows_the_edges():
    box = np.array([10, 20, 50, 44], np.float32)  # its middle, (30, 32), lies in cell (4, 3)
    heat, edges, weight = targets([box[None], np.zeros((0, 4), np.float32)], 64, 96)
    assert heat.shape == (2, 8, 12) and edges.shape == (2, 4, 8, 12)
    assert heat[0, 4, 3] == 1 and (heat[0] == 1).sum() == 1 and heat[1].max() == 0
    assert heat[0, 4, 4] > heat[0, 4, 5] and heat[0, 4, 4] > heat[0, 5, 3]  # the box is wider than high
    assert edges[0, :, 4, 3].tolist() == box.tolist()
    assert weight[0].sum() == pytest.approx(1) and weight[1].sum() == 0


def test_of_two_hands_the_smaller_keeps_its_cells():
    large, small = np.array([0, 0, 90, 60], np.float32), np.array([40, 20, 56, 36], np.float32)
    for order in ([large, small], [small, large]):
        heat, edges, _ = targets([np.stack(order)], 64, 96)
        assert edges[0, :, 3, 6].tolist() == small.tolist()
        assert (heat[0] == 1).sum() >= 1


def raw_for(box: np.ndarray, sure: float = 12.0) -> torch.Tensor:
    """What the network would have to answer, (1, 5, 8, 12)."""
    heat, _, _ = targets([box[None]], 64, 96)
    x, y = (np.arange(12) + 0.5) * STRIDE, (np.arange(8) + 0.5) * STRIDE
    edges = np.stack(np.broadcast_arrays(x[None] - box[0], y[:, None] - box[1], box[2] - x[None], box[3] - y[:, None]))
    raw = torch.log(torch.from_numpy(edges.astype(np.float32)).clamp(min=0.5) / 16)
    logit = torch.where(heat == 1, sure, -sure)
    return torch.cat([logit[:, None], raw[None]], dim=1)


def test_the_right_answer_costs_nothing_and_every_other_more():
    box = np.array([10, 20, 50, 44], np.float32)
    wanted = targets([box[None]], 64, 96)
    right = raw_for(box)
    heat, edges = loss(right, *wanted)
    assert float(heat) < 1e-3 and float(edges) < 1e-3
    unsure = right.clone()
    unsure[:, 0] = 0
    assert float(loss(unsure, *wanted)[0]) > 0.5
    for channel in range(1, 5):
        wrong = right.clone()
        wrong[:, channel] += 0.5
        assert float(loss(wrong, *wanted)[1]) > 0.1
    alarm = right.clone()
    alarm[0, 0, 0, 11] = 12
    assert float(loss(alarm, *wanted)[0]) > 5
    assert float(loss(right, *targets([np.zeros((0, 4), np.float32)], 64, 96))[1]) == 0


def test_boxes_that_do_not_touch_cost_more_the_further_they_are():
    wanted = targets([np.array([8, 8, 24, 24], np.float32)[None]], 64, 96)
    costs = [float(loss(raw_for(np.array([x, 8, x + 16, 24], np.float32)), *wanted)[1]) for x in (8, 20, 60)]
    assert costs[0] < costs[1] < costs[2]


def test_distances_are_pixels():
    raw = torch.zeros(1, 4, 2, 3)
    assert torch.equal(distances(raw), torch.full((1, 4, 2, 3), 16.0))
    boxes = boxes_at(raw)
    assert boxes[0, :, 1, 2].tolist() == [20 - 16, 12 - 16, 20 + 16, 12 + 16]
    assert torch.isfinite(distances(raw + 1e6)).all()


def test_the_network_answers_in_cells_and_doubts_in_the_beginning():
    net = FinderNet().eval()
    with torch.no_grad():
        found = net(torch.rand(2, 3, 64, 96))
    assert found.shape == (2, 5, 64 // STRIDE, 96 // STRIDE)
    assert torch.sigmoid(found[:, 0]).mean() < 0.05
    assert sum(its.numel() for its in net.parameters()) * 4 < 1.5 * 2**20
    assert MULTIPLE % STRIDE == 0


def test_frames_follow_from_seed_and_step(stock, small):
    one, same, later = (frames_of(stock, SMALL, step) for step in (7, 7, 8))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0].pixels, later[0].pixels)
    other = frames_of(stock, Settings(batch=2, seed=5), 7)
    assert not np.array_equal(one[0].pixels, other[0].pixels)
    assert len({its.pixels.shape for its in one}) == 1
    photos = photos_of([its.pixels for its in one])
    assert photos.shape[:2] == (2, 3) and photos.dtype == torch.float32 and photos.max() <= 1


def weights(trained):
    return {name: value.clone() for name, value in trained.net.state_dict().items()}


def test_stopped_and_gone_on_with_is_the_same_as_in_one_go(stock, small, tmp_path):
    whole = train(stock, SMALL, tmp_path / "whole")
    asked = iter([None, None, "stopped by SIGINT"])
    part = train(stock, SMALL, tmp_path / "part", stop=lambda: next(asked))
    assert (part.step, part.finished) == (2, False)
    told = []
    rest = train(stock, SMALL, tmp_path / "part", progress=lambda task, done, total: told.append((done, total)))
    assert (rest.step, rest.finished, told) == (3, True, [(3, 3)])
    for name, value in weights(whole).items():
        assert torch.equal(value, rest.net.state_dict()[name]), name
    again = train(stock, SMALL, tmp_path / "part")
    assert again.finished and again.step == 3


def test_checkpoints_come_now_and_then(stock, small, tmp_path):
    seen = []

    def stop():
        seen.append((tmp_path / "kept").exists())

    train(stock, SMALL, tmp_path / "kept", stop=stop, every=0.0)
    assert seen == [False, True, True]


def test_a_checkpoint_of_other_settings_or_a_damaged_one_is_refused(stock, small, tmp_path):
    train(stock, SMALL, tmp_path / "kept")
    with pytest.raises(TrainingError, match="begun with seed 4"):
        train(stock, Settings(steps=3, batch=2, seed=5), tmp_path / "kept")
    (tmp_path / "bad").write_bytes(b"no tensors")
    with pytest.raises(TrainingError, match="cannot be read as a checkpoint"):
        train(stock, SMALL, tmp_path / "bad")
    from safetensors.torch import save

    (tmp_path / "bad").write_bytes(save({"a": torch.zeros(1)}, metadata={"format": "another"}))
    with pytest.raises(TrainingError, match="its format is 'another'"):
        train(stock, SMALL, tmp_path / "bad")


def test_a_loss_that_is_no_number_ends_the_work(stock, small, tmp_path, monkeypatch):
    nan = torch.tensor(float("nan"))
    monkeypatch.setattr(training, "loss", lambda *_: (nan, nan))
    with pytest.raises(TrainingError, match="no number"):
        train(stock, SMALL, tmp_path / "kept")


def test_the_rate_rises_and_falls():
    settings = Settings(steps=1000)
    rates = [training._schedule(settings).rate(step) for step in range(1000)]
    assert rates[0] < 0.1 * settings.rate and max(rates) == pytest.approx(settings.rate)
    assert 20 < int(np.argmax(rates)) < 60 and rates[-1] < 0.02 * settings.rate
    assert rates[500] == pytest.approx(0.53 * settings.rate, rel=0.1)


def test_it_learns(stock, monkeypatch, tmp_path):
    monkeypatch.setattr(training, "SIZES", ((64, 64),))
    monkeypatch.setattr(training, "_OFTEN", (1.0,))
    told = []
    settings = Settings(steps=100, batch=3, rate=4e-3, seed=1)
    train(stock, settings, tmp_path / "kept", tell=told.append)
    assert [entry["step"] for entry in told] == [50, 100]
    assert told[1]["heat"] < 0.85 * told[0]["heat"] and told[1]["edges"] < told[0]["edges"]


def test_the_onnx_file_answers_as_the_network_at_any_size(tmp_path):
    import onnxruntime

    torch.manual_seed(0)
    net = FinderNet()
    data = export.to_onnx(net)
    assert len(data) < 1.5 * 2**20 and str(tmp_path).encode() not in data and b"fingerspell/src" not in data
    session = onnxruntime.InferenceSession(data)
    frames = np.random.default_rng(0).integers(0, 256, (1, 64, 160, 3), np.uint8)
    scores, boxes = session.run([SCORES, BOXES], {FRAMES: frames})
    with torch.no_grad():
        found = net(torch.from_numpy(frames).permute(0, 3, 1, 2) / 255)
    assert scores.shape == (1, 8 * 20) and boxes.shape == (1, 160, 4)
    assert scores[0, 3 * 20 + 7] == pytest.approx(float(torch.sigmoid(found[0, 0, 3, 7])), abs=1e-4)
    assert boxes[0, 3 * 20 + 7] == pytest.approx(boxes_at(found[:, 1:])[0, :, 3, 7].numpy(), abs=0.05)


def test_an_onnx_file_that_answers_otherwise_is_refused(monkeypatch):
    net = FinderNet()
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(BundleError, match="away from PyTorch's"):
        export.to_onnx(net)
