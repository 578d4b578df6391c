"""One contract for every registered network, and the notebook's five layer by layer."""

import pytest
import torch
from torch import nn

import fingerspell.lab  # noqa: F401 - the allocator, before torch works
from fingerspell.core.errors import DataError, RecipeError
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab.nets.blocks import SpatialSelfAttention, flatten_hwc
from fingerspell.lab.nets.model import Model
from fingerspell.lab.nets.registry import NETWORKS, build, multiply_adds, parameter_counts

torch.set_num_threads(1)


@pytest.fixture(params=NETWORKS)
def name(request) -> str:
    return request.param


def test_shapes_for_any_batch_and_size(name):
    for classes, height, width, count in ((29, 64, 64, 2), (5, 48, 80, 3)):
        net = build(name, classes, height, width).eval()
        photos = torch.randn(count, 3, height, width)
        assert net(photos).shape == (count, classes)
        assert net.features(photos).shape[0] == count
        assert torch.equal(net.classify(net.features(photos)), net(photos))


def test_evaluation_treats_photos_apart(name):
    net = build(name, 29, 48, 48).eval()
    photos = torch.randn(4, 3, 48, 48)
    together = net(photos)
    alone = torch.cat([net(photos[index : index + 1]) for index in range(4)])
    assert torch.allclose(together, alone, atol=1e-4)


def test_same_random_state_gives_the_same_weights(name):
    nets = []
    for _ in range(2):
        torch.manual_seed(5)
        nets.append(build(name, 29, 48, 48))
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def test_learns_four_photos_by_heart(name):
    """Every parameter gets a gradient, and a few steps name four photos right."""
    torch.manual_seed(0)
    net = build(name, 4, 32, 32)
    for layer in net.modules():
        if isinstance(layer, nn.Dropout | nn.Dropout2d):
            layer.p = 0.0
    photos, labels = torch.rand(4, 3, 32, 32), torch.arange(4)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    net.train()
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(photos), labels)
        loss.backward()
        optimizer.step()
    # heat maps may be learnt from landmarks alone: see test_hand
    learnt = [p for part, p in net.named_parameters() if not part.startswith("heat.")]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in learnt)
    assert (net(photos).argmax(1) == labels).all()
    assert loss.item() < 0.5


def test_weights_carry_labels_and_preprocessing(name, tmp_path):
    spec = PreprocessSpec(height=48, width=40, mean=(0.1, 0.2, 0.3))
    model = Model.fresh(name, ("A", "C", "space"), spec)
    model.save(tmp_path / "weights.safetensors")
    before = torch.get_rng_state()
    again = Model.load(tmp_path / "weights.safetensors")
    assert torch.equal(torch.get_rng_state(), before)  # loading draws nothing from the caller's stream
    assert (again.network, again.labels, again.preprocess) == (name, ("A", "C", "space"), spec)
    photos = torch.randn(2, 3, 48, 40)
    assert torch.equal(model.net.eval()(photos), again.net(photos))


@pytest.mark.parametrize(
    ("network", "every", "trainable"),
    [
        ("notebook-v1", 17_436_765, 17_436_765),
        ("notebook-v2", 137_181, 136_221),
        ("notebook-v3", 114_909, 114_205),
        ("notebook-v4", 317_885, 316_733),
        ("notebook-v5", 341_022, 339_870),
    ],
)
def test_parameters_as_keras_counts_them(network, every, trainable):
    assert parameter_counts(build(network, 29, 200, 200)) == (every, trainable)


def test_multiply_adds_by_hand():
    """v3 at 32×32: three same convolutions on 32, 16 and 8, then 128·128 and 128·29."""
    by_hand = 27 * 32 * 32**2 + 288 * 64 * 16**2 + 576 * 128 * 8**2 + 128 * 128 + 128 * 29
    net = build("notebook-v3", 29, 32, 32)
    assert multiply_adds(net, 32, 32) == by_hand
    assert net.training


@pytest.mark.parametrize(
    ("network", "strengths"),
    [
        ("notebook-v1", {}),
        ("notebook-v2", {0.001: 4}),
        ("notebook-v3", {0.002: 4}),
        ("notebook-v4", {0.0015: 6, 0.002: 1}),
        ("notebook-v5", {0.0018: 10}),
        ("residual-small", {}),
    ],
)
def test_l2_is_on_kernels_with_the_specified_strength(network, strengths):
    net = build(network, 29, 64, 64)
    found: dict[float, int] = {}
    for kernel, strength in net.regularised():
        assert kernel.ndim > 1
        found[strength] = found.get(strength, 0) + 1
    assert found == strengths
    last = net.output.weight
    assert all(kernel is not last for kernel, _ in net.regularised())
    by_hand = sum(strength * float((kernel**2).sum()) for kernel, strength in net.regularised())
    assert float(net.l2_penalty()) == pytest.approx(by_hand, rel=1e-5)


def test_norms_have_keras_constants():
    for network in ("notebook-v2", "notebook-v3", "notebook-v4", "notebook-v5"):
        for layer in build(network, 29, 64, 64).modules():
            if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
                assert (layer.eps, layer.momentum) == (1e-3, 0.01)
            if isinstance(layer, nn.LayerNorm):
                assert layer.eps == 1e-3


def test_initialisation_is_glorot_uniform_with_zero_biases():
    layer = build("notebook-v4", 29, 200, 200).blocks[1].conv1  # 32 → 64, 3×3
    limit = (6 / (32 * 9 + 64 * 9)) ** 0.5
    assert float(layer.weight.abs().max()) <= limit
    assert float(layer.weight.abs().max()) > 0.99 * limit
    assert float(layer.weight.std()) == pytest.approx(limit / 3**0.5, rel=0.02)
    assert not layer.bias.any()


def test_dropout_rates():
    rates = {
        network: [
            layer.p for layer in build(network, 29, 64, 64).modules() if isinstance(layer, nn.Dropout | nn.Dropout2d)
        ]
        for network in NETWORKS
        if network.startswith("notebook")
    }
    assert rates == {
        "notebook-v1": [0.5],
        "notebook-v2": [0.4],
        "notebook-v3": [0.1, 0.5],
        "notebook-v4": [0.1, 0.15, 0.2, 0.4],
        "notebook-v5": [0.1, 0.15, 0.2, 0.4],
    }


def test_only_the_blocks_that_should_have_a_shortcut():
    assert [block.shortcut is not None for block in build("notebook-v4", 29, 64, 64).blocks] == [False, False, True]
    assert [block.shortcut is not None for block in build("notebook-v5", 29, 64, 64).blocks] == [True, True, True]


def test_a_shortcut_is_added_as_it_is():
    """With the convolutions silent, a block gives its pooled shortcut, negative values too: no activation, no norm."""
    block = build("notebook-v4", 29, 64, 64).blocks[2].eval()
    torch.nn.init.zeros_(block.conv2.weight)
    maps = torch.randn(2, 64, 8, 8)
    pooled = torch.nn.functional.max_pool2d(block.shortcut(maps), 2)
    assert torch.equal(block(maps), pooled)
    assert pooled.min() < 0


def test_norm_follows_the_activation():
    """Keras: convolution with ReLU, then BatchNorm. A norm that lowers everything leaves negative values."""
    net = build("notebook-v3", 29, 64, 64).eval()
    torch.nn.init.constant_(net.norms[2].bias, -5.0)
    assert net.maps(torch.rand(1, 3, 64, 64)).max() < 0


def test_flatten_is_in_keras_order():
    maps = torch.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2)  # n, c, h, w
    flat = flatten_hwc(maps)
    assert flat[0].tolist() == [maps[0, c, h, w].item() for h in range(2) for w in range(2) for c in range(3)]


def test_attention_by_hand_and_starts_as_identity():
    torch.manual_seed(0)
    attention = SpatialSelfAttention(nn.Conv2d(8, 1, 1), nn.Conv2d(8, 1, 1), nn.Conv2d(8, 8, 1))
    maps = torch.randn(1, 8, 2, 3)
    assert torch.equal(attention(maps), maps)
    with torch.no_grad():
        attention.gamma.fill_(0.7)
        places = maps.flatten(2)[0].T  # (6, 8)
        query, key, value = (
            places @ layer.weight[:, :, 0, 0].T + layer.bias
            for layer in (attention.query, attention.key, attention.value)
        )
        by_hand = maps.clone().flatten(2)
        for place in range(6):
            weights = torch.softmax(torch.stack([query[place] @ key[other] for other in range(6)]), 0)
            by_hand[0, :, place] += 0.7 * (weights[:, None] * value).sum(0)
        assert torch.allclose(attention(maps).flatten(2), by_hand, atol=1e-5)


def test_unknown_network_and_impossible_sizes():
    with pytest.raises(RecipeError, match="notebook-v4"):
        build("notebook-v44", 29, 64, 64)
    with pytest.raises(RecipeError, match="32×32"):
        build("notebook-v1", 29, 16, 16)


@pytest.mark.parametrize("damage", ["absent", "cut", "text", "foreign", "other-network", "labels"])
def test_damaged_weights_are_a_clear_error(damage, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "weights.safetensors"
    model = Model.fresh("notebook-v3", ("A", "B"), PreprocessSpec())
    model.save(path)
    header = {"format": "fingerspell-weights/1", "network": "notebook-v3", "labels": '["A", "B"]'}
    header["preprocess"] = '{"height": 64}'
    if damage == "absent":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "text":
        path.write_text("hello")
    elif damage == "foreign":
        save_file({"x": torch.zeros(3)}, path)
    elif damage == "other-network":
        save_file({"x": torch.zeros(3)}, path, metadata=header | {"network": "notebook-v9"})
    else:
        save_file({"x": torch.zeros(3)}, path, metadata=header | {"labels": '["A", "Ä"]'})
    with pytest.raises(DataError, match=str(path)):
        Model.load(path)
