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
from fingerspell.core.head import Head, read_head, with_head
from fingerspell.core.onnx_file import require_self_contained
from fingerspell.core.preprocess import PreprocessSpec, normalise, resample
from fingerspell.lab.graph import BundleGraph, Resample, require_features, to_onnx
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
        graph = session(to_onnx(Resample(spec), ["pixels"]))
        for height, width in [*ODD_SIZES, *np.random.default_rng(1).integers(1, 500, (40, 2)).tolist()]:
            photo = photos(height, width)
            found = graph.run(None, {"photos": photo})[0][0].transpose(1, 2, 0)
            assert np.array_equal(found, resample(photo[0], spec)), (height, width)

    def test_normalisation_is_cores_to_the_last_bit(self):
        spec = PreprocessSpec(48, 40, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
        pixels = photos(48, 40)[0]
        graph = BundleGraph(nn.Sequential(nn.Flatten(), nn.Linear(3 * 48 * 40, 2)), spec)
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

    @pytest.mark.parametrize("network", ["residual-small", "notebook-v5", "hand-parts", "hand-fine"])
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
        assert [value.name for value in model.graph.output] == ["probabilities", "features"]
        dimensions = model.graph.input[0].type.tensor_type.shape.dim
        assert [d.dim_param or d.dim_value for d in dimensions] == ["batch", "height", "width", 3]

    def test_the_file_tells_nothing_of_the_machine(self, data):
        for trace in (b".py", b"/home", b"site-packages", b"stack_trace", b"forward"):
            assert trace not in data

    def test_what_onnx_cannot_say_is_refused(self):
        class Data(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.last = nn.Linear(3, 2)

            def forward(self, x: Tensor) -> Tensor:
                logits: Tensor = self.last(x[:, :, 0, 0] if x.sum() > 0 else x[:, :, 1, 1])
                return logits

        with pytest.raises(BundleError, match="cannot be written as ONNX"):
            to_onnx(BundleGraph(Data(), SPEC))


class TestFeatures:
    def test_they_are_what_the_last_layer_reads(self, net, data):
        batch = photos(40, 31, 3)
        inputs = []
        handle = net.last.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        pixels = np.stack([normalise(resample(photo, SPEC), SPEC) for photo in batch])
        with torch.no_grad():
            net.eval()(torch.from_numpy(pixels))
        handle.remove()
        found = session(data).run(["features"], {"photos": batch})[0]
        assert found.dtype == np.float32
        assert found == pytest.approx(inputs[0].numpy(), abs=1e-5)
        head = read_head(data, 1.7)
        assert np.array_equal(head.weight, net.last.weight.detach().numpy())
        assert np.array_equal(head.bias, net.last.bias.detach().numpy())

    @pytest.mark.parametrize("network", ["residual-small", "notebook-v1", "notebook-v3", "hand-parts", "hand-fine"])
    def test_networks_of_the_registry(self, network):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            built = build(network, 5, 40, 40)
        spec = PreprocessSpec(40, 40)
        file = to_onnx(BundleGraph(built, spec, 0.7))
        require_features(file, 0.7, photos(60, 81, 2))
        assert np.array_equal(read_head(file, 0.7).weight, built.output.weight.detach().numpy())
        assert isinstance(built.output, nn.Linear)  # the network itself is not changed

    def test_a_layer_without_bias_gets_one(self):
        net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 32, 4, bias=False))
        file = to_onnx(BundleGraph(net, SPEC))
        assert read_head(file, 1.0).bias.tolist() == [0, 0, 0, 0]
        require_features(file, 1.0, photos(24, 32))

    def test_a_network_that_does_not_end_in_a_dense_layer(self):
        for net in (nn.Flatten(), nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 32, 4), nn.ReLU())):
            with pytest.raises(BundleError, match="does not come out of a dense layer"):
                BundleGraph(net, SPEC)

    def test_the_last_layer_is_found_by_what_it_does_not_by_its_place(self):
        class TwoHeads(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.letters, self.hands = nn.Linear(3, 4), nn.Linear(3, 2)

            def forward(self, x: Tensor) -> Tensor:
                pooled = x.mean(dim=(2, 3))
                self.hands(pooled)
                letters: Tensor = self.letters(pooled)
                return letters

        net = TwoHeads()
        assert np.array_equal(read_head(to_onnx(BundleGraph(net, SPEC)), 1).weight, net.letters.weight.detach().numpy())

    @pytest.mark.parametrize("wrong", ["temperature", "weight", "nan"])
    def test_the_gate_refuses_what_does_not_fit(self, net, data, wrong):
        require_features(data, 1.7, photos(33, 47, 2))
        head = read_head(data, 1.7)
        if wrong == "nan":
            broken = torch.nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 32, 4))
            graph = BundleGraph(broken, SPEC)
            graph.mean[:] = float("nan")
            file, temperature = to_onnx(graph), 1.0
        else:
            file = with_head(data, Head(head.weight * np.float32(1.001), head.bias, 1.7))
            temperature = 1.8 if wrong == "temperature" else 1.7
        if wrong == "weight":  # the answers follow the weights that the file names, so this is a good file
            require_features(file, temperature, photos(33, 47, 2))
            return
        with pytest.raises(BundleError, match="do not give its probabilities"):
            require_features(file, temperature, photos(33, 47, 2))
