"""v1–v5 beside Keras with the same weights: sizes, initial values, outputs, statistics, places of dropout."""

import numpy as np
import pytest
import torch
from torch import nn

import fingerspell.lab  # noqa: F401 - the allocator, before torch works
from fingerspell.lab.keras_model.layers import keras_arrays, state_from_keras
from fingerspell.lab.nets.registry import build, parameter_counts

keras = pytest.importorskip("keras", reason="keras (group parity) is not installed")
stats = pytest.importorskip("scipy.stats", reason="scipy (group parity) is not installed")

import keras_notebook  # noqa: E402 - lies beside, and needs Keras
from keras_pair import CLASSES, Pair, layers_of, make_pair, nchw, put_into_keras  # noqa: E402

NETWORKS = tuple(keras_notebook.NETWORKS)
COUNTS = {  # all, trainable; the notebook's own table for v1–v4
    "notebook-v1": (17_436_765, 17_436_765),
    "notebook-v2": (137_181, 136_221),
    "notebook-v3": (114_909, 114_205),
    "notebook-v4": (317_885, 316_733),
    "notebook-v5": (341_022, 339_870),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=NETWORKS)
def network(request) -> str:
    return request.param


def same_outputs(pair: Pair, batches: int, count: int) -> None:
    pair.net.eval()
    for batch in range(batches):
        photos = pair.photos(count, batch)
        with torch.no_grad():
            theirs = pair.model(photos, training=False)
            logits = pair.net(nchw(photos))
        assert theirs.max() - theirs.min() > 0.01  # far from an even guess
        assert (logits.softmax(1) - theirs).abs().max() < 1e-5
        assert (logits.log_softmax(1) - theirs.log()).abs().max() < 1e-4


def test_parameter_counts_at_200(network):
    model = keras_notebook.build(network, CLASSES)
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert (model.count_params(), trainable) == COUNTS[network]
    with torch.device("meta"):
        net = build(network, CLASSES, 200, 200)
    assert parameter_counts(net) == COUNTS[network]


@pytest.mark.parametrize(("height", "width"), [(48, 48), (40, 56)])
def test_outputs_in_evaluation(network, height, width):
    same_outputs(make_pair(network, height, width), batches=3, count=6)


@pytest.mark.parametrize("network", ["notebook-v1", "notebook-v2"])
def test_outputs_at_the_notebooks_size(network):
    same_outputs(make_pair(network, 200, 200), batches=1, count=2)


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("network", NETWORKS[1:])
def test_norms_statistics_after_training_passes(network, count):
    """Keras follows a batch's variance without Bessel's correction: with two photos PyTorch's is twice as large."""
    pair = make_pair(network, dropout=False)
    before = {name: tensor.clone() for name, tensor in pair.net.state_dict().items()}
    pair.net.train()
    for batch in range(6):
        photos = pair.photos(count, batch)
        with torch.no_grad():
            pair.model(photos, training=True)
            pair.net(nchw(photos))
    theirs = state_from_keras(network, layers_of(pair.model), CLASSES, pair.height, pair.width)
    ours = pair.net.state_dict()
    running = [name for name in ours if "running" in name]
    assert len(running) == 2 * sum(type(layer).__name__ == "BatchNormalization" for layer in pair.model.layers)
    for name in running:
        assert (ours[name] - theirs[name]).abs().max() < 1e-5, name
        assert (ours[name] - before[name]).abs().max() > 1e-3, name  # they have moved
    same_outputs(pair, batches=1, count=4)


def test_initial_values_are_drawn_as_keras_draws_them(network):
    """Kernels of the same uniform distribution, with Keras's limits; everything else the same numbers."""
    with torch.random.fork_rng(devices=[]):
        keras.utils.set_random_seed(3)
        model = keras_notebook.build(network, CLASSES, 48, 40)
        torch.manual_seed(4)
        net = build(network, CLASSES, 48, 40)
    theirs = state_from_keras(network, layers_of(model), CLASSES, 48, 40)
    kernels = 0
    for name, ours in net.state_dict().items():
        if ours.ndim < 2:
            assert torch.equal(ours, theirs[name]), name
            continue
        kernels += 1
        fan_out, fan_in, *sides = ours.shape
        limit = (6 / ((fan_in + fan_out) * int(np.prod(sides)))) ** 0.5
        for drawn in (ours, theirs[name]):
            assert drawn.abs().max() <= limit, name
            assert drawn.abs().max() > limit * (1 - 20 / drawn.numel()), name
        assert stats.ks_2samp(ours.flatten().numpy(), theirs[name].flatten().numpy()).pvalue > 1e-4, name
    assert kernels == sum(variable.name == "kernel" for variable in model.weights)


DROPS = {"Dropout": nn.Dropout, "SpatialDropout2D": nn.Dropout2d}


def test_dropout_has_keras_places_kinds_and_rates(network):
    """In the order of the passage: kind, rate, and the shape of what it is given, channels last."""
    model, net = keras_notebook.build(network, CLASSES, 48, 40), build(network, CLASSES, 48, 40)
    theirs = [
        (DROPS[type(layer).__name__], layer.rate, tuple(layer.output.shape[1:]))
        for layer in model.layers
        if type(layer).__name__ in DROPS
    ]
    ours = []

    def note(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        shape = inputs[0].shape[1:]
        ours.append((type(layer), layer.p, (*shape[1:], shape[0])))

    for layer in net.modules():
        if isinstance(layer, nn.Dropout | nn.Dropout2d):
            layer.register_forward_pre_hook(note)
    net.train()(torch.rand(2, 3, 48, 40))
    assert ours == theirs
    assert len(ours) == {"notebook-v1": 1, "notebook-v2": 1}.get(network, 4)


@pytest.mark.parametrize("rate", [0.1, 0.15, 0.2])
def test_spatial_dropout_drops_as_keras_does(rate):
    """Whole channels, as many of them, and the rest scaled by 1/(1 − rate); nothing in evaluation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        ours = nn.Dropout2d(rate).train()(torch.ones(64, 128, 3, 4)).permute(0, 2, 3, 1)
        drop = keras.layers.SpatialDropout2D(rate, seed=1)
        theirs = drop(torch.ones(64, 3, 4, 128), training=True)
    for dropped in (ours, theirs):
        channels = dropped.amax(dim=(1, 2))
        assert torch.equal(channels, dropped.amin(dim=(1, 2)))
        assert torch.unique(channels).tolist() == pytest.approx([0, 1 / (1 - rate)])
        assert float((channels == 0).float().mean()) == pytest.approx(rate, abs=0.02)
    ones = torch.ones(2, 3, 4, 5)
    assert torch.equal(drop(ones, training=False), ones)


@pytest.mark.parametrize("rate", [0.4, 0.5])
def test_dropout_drops_as_keras_does(rate):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        ours = nn.Dropout(rate).train()(torch.ones(64, 256))
        theirs = keras.layers.Dropout(rate, seed=1)(torch.ones(64, 256), training=True)
    for dropped in (ours, theirs):
        assert torch.unique(dropped).tolist() == pytest.approx([0, 1 / (1 - rate)])
        assert float((dropped == 0).float().mean()) == pytest.approx(rate, abs=0.02)


def test_a_net_trained_here_says_the_same_in_keras(network):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pair = make_pair(network, 40, 48)
        net = build(network, CLASSES, 40, 48)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        net.train()
        for step in range(4):
            optimizer.zero_grad()
            logits = net(nchw(pair.photos(6, step)))
            nn.functional.cross_entropy(logits, torch.arange(6)).backward()
            optimizer.step()
    put_into_keras(pair.model, keras_arrays(network, net))
    same_outputs(Pair(network, pair.model, net, 40, 48), batches=2, count=5)


@pytest.mark.parametrize("network", ["notebook-v4", "notebook-v5"])
@pytest.mark.parametrize("first", ["shortcut", "norms"])
def test_a_shortcut_may_be_listed_before_or_after(network, first):
    """Where Keras lists the 1×1 convolution depends on how the model was written."""
    pair = make_pair(network)
    layers = layers_of(pair.model)
    shortcuts = [each for each in layers if each.kind == "Conv2D" and each.arrays["kernel"].shape[:2] == (1, 1)]
    others = [each for each in layers if all(each is not shortcut for shortcut in shortcuts)]
    assert len(shortcuts) == {"notebook-v4": 1, "notebook-v5": 3}[network]
    listed = [*shortcuts, *others] if first == "shortcut" else [*others, *shortcuts]
    state = state_from_keras(network, listed, CLASSES, pair.height, pair.width)
    assert all(torch.equal(tensor, state[name]) for name, tensor in pair.net.state_dict().items())
