"""The exported graph: its pixels are core's bit for bit, and its probabilities the network's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fingerspell.core.errors import BundleError
from fingerspell.core.onnx_file import require_self_contained
from fingerspell.core.preprocess import PreprocessSpec, normalise, resample
from fingerspell.lab.graph import BundleGraph, Resample, to_onnx
from fingerspell.lab.nets.registry import build

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

# (height, width), among them one pixel, one row, one column, primes, exact multiples and the target itself
ODD_SIZES = [(1, 1), (1, 90), (90, 1), (2, 3), (33, 47), (48, 40), (96, 80), (97, 131), (131, 97), (240, 320), (401, 7)]


def photos(height: int, width: int, count: int = 1) -> np.ndarray:
    draw = np.random.default_rng(height * 1000 + width)
    return draw.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def session(data: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", autouse=True)
def one_thread_here() -> Iterator[None]:
    """Tiny networks lose more time by waiting for a second thread than they win."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class TestPixels:
    @given(
        st.integers(1, 300),
        st.integers(1, 300),
        st.sampled_from(["stretch", "crop", "pad"]),
        st.sampled_from(["triangle", "nearest"]),
    )
    @settings(max_examples=25, deadline=None)
    def test_torch_gives_cores_pixels(self, height, width, fit, kind):
        spec = PreprocessSpec(40, 56, fit=fit, filter=kind)
        photo = photos(height, width)
        found = Resample(spec)(torch.from_numpy(photo))[0].permute(1, 2, 0)
        assert np.array_equal(found.numpy(), resample(photo[0], spec))

    @pytest.mark.parametrize(("fit", "kind"), [("stretch", "triangle"), ("pad", "triangle"), ("crop", "nearest")])
    def test_onnx_runtime_gives_cores_pixels(self, fit, kind):
        spec = PreprocessSpec(48, 40, fit=fit, filter=kind)
        graph = session(to_onnx(Resample(spec)))
        for height, width in [*ODD_SIZES, *np.random.default_rng(1).integers(1, 500, (40, 2)).tolist()]:
            photo = photos(height, width)
            found = graph.run(None, {"photos": photo})[0][0].transpose(1, 2, 0)
            assert np.array_equal(found, resample(photo[0], spec)), (height, width)

    def test_normalisation_is_cores_to_the_last_bit(self):
        spec = PreprocessSpec(48, 40, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
        pixels = photos(48, 40)[0]
        graph = BundleGraph(nn.Identity(), spec)
        found = graph.normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None].float())[0]
        assert np.array_equal(found.numpy(), normalise(pixels, spec))


class Everything(nn.Module):
    """One of each kind of layer that the families use, none of it at its neutral values."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.batch_norm = nn.BatchNorm2d(8)
        self.group_norm = nn.GroupNorm(4, 8)
        self.layer_norm = nn.LayerNorm(8)
        self.mix = nn.Linear(8, 24)
        self.last = nn.Linear(8, 5)
        self.drop, self.drop_channels = nn.Dropout(0.5), nn.Dropout2d(0.5)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.5)
        nn.init.normal_(self.batch_norm.running_mean)
        nn.init.uniform_(self.batch_norm.running_var, 0.5, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.batch_norm(self.first(x)))  # (N, 8, h, w)
        x = self.drop_channels(torch.nn.functional.max_pool2d(self.group_norm(x), 4))
        tokens = self.layer_norm(x.flatten(2).transpose(1, 2))  # (N, T, 8)
        query, key, value = self.mix(tokens).chunk(3, dim=-1)
        attention = torch.softmax(query @ key.transpose(1, 2) / 8**0.5, dim=-1)
        return self.last(self.drop((attention @ value).mean(dim=1)))


SPEC = PreprocessSpec(24, 32, fit="crop", mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


@pytest.fixture(scope="module")
def net() -> Everything:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Everything().train()  # to_onnx must set it to eval itself


@pytest.fixture(scope="module")
def data(net: Everything) -> bytes:
    return to_onnx(BundleGraph(net, SPEC, temperature=1.7))


def require_same(data: bytes, net: nn.Module, spec: PreprocessSpec, batch: np.ndarray, temperature: float) -> None:
    found = session(data).run(["probabilities"], {"photos": batch})[0]
    pixels = np.stack([normalise(resample(photo, spec), spec) for photo in batch])
    with torch.no_grad():
        expected = torch.softmax(net.eval()(torch.from_numpy(pixels)) / temperature, dim=1).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-5


class TestProbabilities:
    def test_every_layer_gives_the_networks_probabilities(self, net, data):
        for (height, width), count in zip(ODD_SIZES, (1, 2, 3, 1, 5, 1, 2, 1, 1, 2, 1), strict=True):
            require_same(data, net, SPEC, photos(height, width, count), 1.7)

    @pytest.mark.parametrize("network", ["residual-small", "notebook-v5"])
    def test_networks_of_the_registry(self, network):
        spec = PreprocessSpec(40, 32)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            built = build(network, 29, 40, 32)
        require_same(to_onnx(BundleGraph(built, spec)), built, spec, photos(60, 81, 3), 1.0)

    def test_the_file_stands_alone_and_is_plain(self, data):
        require_self_contained(data)
        model = onnx.load_from_string(data)
        onnx.checker.check_model(model, full_check=True)
        assert {entry.domain for entry in model.opset_import} == {""}
        assert not model.functions
        assert [value.name for value in model.graph.input] == ["photos"]
        assert [value.name for value in model.graph.output] == ["probabilities"]
        dimensions = model.graph.input[0].type.tensor_type.shape.dim
        assert [d.dim_param or d.dim_value for d in dimensions] == ["batch", "height", "width", 3]

    def test_the_file_tells_nothing_of_the_machine(self, data):
        for trace in (b".py", b"/home", b"site-packages", b"stack_trace", b"forward"):
            assert trace not in data

    def test_what_onnx_cannot_say_is_refused(self):
        class Data(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return x[:, :, 0, 0] if x.sum() > 0 else x[:, :, 1, 1]

        with pytest.raises(BundleError, match="cannot be written as ONNX"):
            to_onnx(BundleGraph(Data(), SPEC))
