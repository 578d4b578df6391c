"""v1–v5 learn as in Keras: losses, gradients, Adam's steps, and whole runs with a plateau or a cyclic rate.

Where gradients are compared, both sides work with 64-bit floats (see `keras_pair.double_precision`).
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import fingerspell.lab  # noqa: F401 - the allocator, before torch works
from fingerspell.core.alphabet import LABELS
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab import recipe as recipes
from fingerspell.lab.keras_model.layers import state_from_keras
from fingerspell.lab.nets.model import Model
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.loop import Trainer, TrainingData
from fingerspell.lab.training.optimizer import build_optimizer, set_learning_rate
from fingerspell.lab.training.run import RunFolder

keras = pytest.importorskip("keras", reason="keras (group parity) is not installed")

import keras_notebook  # noqa: E402 - lies beside, and needs Keras
from keras_pair import CLASSES, Pair, double_precision, layers_of, make_pair, nchw, one_hot  # noqa: E402

NETWORKS = tuple(keras_notebook.NETWORKS)
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation", "ignore:Converting a tensor with requires_grad"
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=NETWORKS)
def network(request) -> str:
    return request.param


@pytest.fixture
def double():
    with double_precision():
        yield


def labels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, 9]).integers(0, CLASSES, count)


def our_loss(pair: Pair, photos: np.ndarray, named: np.ndarray) -> torch.Tensor:
    """What the training loop takes the gradient of."""
    logits = pair.net(nchw(photos).to(next(pair.net.parameters()).dtype))
    return F.cross_entropy(logits, torch.from_numpy(named)) + pair.net.l2_penalty()


def in_our_names(pair: Pair, values: dict[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
    return state_from_keras(pair.network, layers_of(pair.model, values), CLASSES, pair.height, pair.width)


def test_loss_with_its_l2_terms(network):
    pair = make_pair(network, dropout=False)
    pair.model.compile(keras.optimizers.Adam(0.001), "categorical_crossentropy", metrics=["accuracy"])
    photos, named = pair.photos(6), labels(6)
    with torch.no_grad():
        pair.net.eval()
        entropy = F.cross_entropy(pair.net(nchw(photos)), torch.from_numpy(named)).item()
        penalty = pair.net.l2_penalty().item()
    assert sum(float(loss) for loss in pair.model.losses) == pytest.approx(penalty, abs=1e-5)
    assert (penalty > 0.1) == (network != "notebook-v1")
    logged = pair.model.evaluate(photos, one_hot(named), batch_size=6, verbose=0, return_dict=True)
    assert logged["loss"] == pytest.approx(entropy + penalty, abs=1e-5)


def test_gradients_of_every_variable(network, double):
    pair = make_pair(network, 40, 48, dropout=False)
    pair.net.double().train()
    photos, named = pair.photos(6).astype(np.float64), labels(6)
    loss = keras.losses.CategoricalCrossentropy()(one_hot(named), pair.model(photos, training=True))
    loss = loss + sum(pair.model.losses)
    loss.backward()
    ours = our_loss(pair, photos, named)
    ours.backward()
    assert ours.item() == pytest.approx(loss.item(), abs=1e-9)
    gradients = {variable.path: variable.value.grad for variable in pair.model.trainable_variables}
    theirs = in_our_names(pair, gradients)
    for name, parameter in pair.net.named_parameters():
        scale = theirs[name].abs().max().item()
        # the same number added to all products of a query changes no softmax: the keys' bias has no gradient
        assert (scale > 1e-4) == (name != "attention.key.bias"), name
        assert (parameter.grad - theirs[name]).abs().max() <= 1e-6 * scale + 1e-12, name


def take_steps(pair: Pair, rates: list[float], count: int = 6) -> None:
    """As many steps as there are rates, on both sides, each with a batch of its own."""
    pair.net.double().train()
    pair.model.compile(keras.optimizers.Adam(0.001), "categorical_crossentropy")
    optimizer = build_optimizer("adam", pair.net, 0.001, 0.0)
    for step, rate in enumerate(rates):
        photos, named = pair.photos(count, step).astype(np.float64), labels(count, step)
        pair.model.optimizer.learning_rate = rate
        theirs = float(pair.model.train_on_batch(photos, one_hot(named)))
        set_learning_rate(optimizer, rate)
        optimizer.zero_grad()
        loss = our_loss(pair, photos, named)
        loss.backward()
        optimizer.step()
        assert loss.item() == pytest.approx(theirs, rel=1e-6), step


def same_weights(pair: Pair, tolerance: float) -> None:
    theirs = in_our_names(pair)
    for name, ours in pair.net.state_dict().items():
        if ours.is_floating_point():
            assert (ours - theirs[name]).abs().max() <= tolerance, name


def test_weights_after_steps_of_adam(network, double):
    """The issue asks for 1e-4; a step moves a weight by up to 1e-3, and 64 bits keep far more."""
    pair = make_pair(network, 40, 40, dropout=False)
    before = pair.net.dense1.weight.detach().clone()
    take_steps(pair, [0.001] * 6)
    assert (pair.net.dense1.weight - before).abs().max() > 2e-3
    same_weights(pair, 1e-6)


def test_adam_on_tiny_gradients():
    """Where the place of epsilon shows: gradients of 1e-9 to 1e-7, on which PyTorch's own Adam takes other steps."""
    start = np.array([1.0, -2.0, 0.5, 3.0], np.float32)
    gradients = [np.array([0.1, 1e-7, -3.0, 1e-9 * k], np.float32) for k in range(1, 6)]
    theirs = keras.Variable(start)
    adam = keras.optimizers.Adam(0.01)
    adam.build([theirs])
    net = torch.nn.Linear(4, 1, bias=False)
    net.weight.data = torch.tensor(start)[None]
    ours = build_optimizer("adam", net, 0.01, 0.0)
    plain = torch.nn.Parameter(torch.tensor(start))
    torch_adam = torch.optim.Adam([plain], lr=0.01, eps=1e-7)
    for gradient in gradients:
        adam.apply([torch.tensor(gradient)], [theirs])
        net.weight.grad = torch.tensor(gradient)[None]
        ours.step()
        plain.grad = torch.tensor(gradient)
        torch_adam.step()
    expected = keras.ops.convert_to_numpy(theirs)
    assert np.allclose(net.weight.detach().numpy()[0], expected, atol=1e-6)
    assert not np.allclose(plain.detach().numpy(), expected, atol=1e-4)


def test_cross_entropy_beyond_its_clip():
    """Known and meant: on its torch backend Keras clips probabilities at 1e-7, so that a loss ends at 16.1 and the
    gradient with it. Ours works on logits, as Keras does on TensorFlow, where the notebook ran. Up to there the two are
    one."""
    named = torch.tensor([1])
    for gap, same in ((0.0, True), (3.0, True), (10.0, True), (15.0, True), (20.0, False), (60.0, False)):
        logits = torch.tensor([[gap, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
        ours = F.cross_entropy(logits, named)
        probabilities = logits.softmax(1)
        theirs = keras.losses.categorical_crossentropy(F.one_hot(named, 3), probabilities)[0]
        theirs.backward()
        assert (ours.item() == pytest.approx(theirs.item(), abs=1e-5)) is same
        assert ours.item() == pytest.approx(math.log(math.exp(gap) + 2))
        assert (logits.grad.abs().max().item() > 0.5) is same
        if not same:
            assert theirs.item() == pytest.approx(-math.log(1e-7))


class Recorded(Trainer):
    """The loop itself, in 64 bits, that notes each batch and its rate."""

    def _batch(self):
        given = super()._batch()
        given = replace(given, photos=given.photos.double())
        self.given.append((given.photos.permute(0, 2, 3, 1).numpy(), given.labels.numpy()))
        return given

    def _scaled(self, levels):
        return super()._scaled(levels).double()


def train_here(pair: Pair, place, schedule: dict) -> Recorded:
    """A whole run of ours: 6 epochs of 4 batches of 6 photos (5 in the last), 10 to choose by."""
    settings = recipes.from_dict(
        {
            "name": "beside Keras",
            "network": pair.network,
            "preprocess": {"height": pair.height, "width": pair.width},
            "training": {"epochs": 6, "batch_size": 6, "learning_rate": 0.001, "precision": "float32"},
            "stopping": {"patience": 3},
        }
        | schedule
    )
    numbers = np.random.default_rng(5)
    data = TrainingData(
        pixels=numbers.integers(0, 256, (33, pair.height, pair.width, 3), dtype=np.uint8),
        train_rows=np.arange(23),
        train_labels=numbers.integers(0, 3, 23),
        train_ids=numbers.integers(0, 2**63, 23, dtype=np.uint64),
        val_rows=np.arange(23, 33),
        val_labels=numbers.integers(0, 3, 10),
        keras_walk=np.arange(23),
    )
    model = Model(pair.network, LABELS, PreprocessSpec(pair.height, pair.width), pair.net.double())
    trainer = Recorded(settings, model, data, RunFolder(place), torch.device("cpu"))
    trainer.given = []
    trainer.fit()
    return trainer


def train_there(pair: Pair, trainer: Recorded, callbacks: list, rates: list[float] | None) -> list[dict]:
    """The same batches through Keras with its callbacks. Returns its log of each epoch."""
    pair.model.compile(keras.optimizers.Adam(0.001), "categorical_crossentropy", metrics=["accuracy"])
    for callback in callbacks:
        callback.set_model(pair.model)
        callback.on_train_begin()
    chosen = trainer.data.pixels[trainer.data.val_rows].astype(np.float64) * float(np.float32(1 / 255))
    named, history, pair.model.stop_training = one_hot(trainer.data.val_labels), [], False
    for epoch in range(trainer.recipe.training.epochs):
        for step in range(epoch * trainer.steps_per_epoch, (epoch + 1) * trainer.steps_per_epoch):
            if rates is not None:
                pair.model.optimizer.learning_rate = rates[step]
            photos, right = trainer.given[step]
            pair.model.train_on_batch(photos, one_hot(right))
        scores = pair.model.evaluate(chosen, named, batch_size=10, verbose=0, return_dict=True)
        logs = {"val_loss": scores["loss"], "val_accuracy": scores["accuracy"]}
        logs["lr"] = float(pair.model.optimizer.learning_rate)
        for callback in callbacks:
            callback.on_epoch_end(epoch, logs)
        history.append(logs)
        if pair.model.stop_training:
            break
    for callback in callbacks:
        callback.on_train_end()
    return history


PLATEAU = {"plateau": {"patience": 0, "min_delta": 0.3, "factor": 0.2, "cooldown": 1}}
CYCLIC = {"cyclic": {"base": 1e-4, "top": 2.1e-3, "half_cycle": 1.25, "shape": "triangular2"}}


@pytest.mark.parametrize(("network", "schedule"), [("notebook-v2", PLATEAU), ("notebook-v3", CYCLIC)])
def test_a_whole_run_of_the_loop_beside_keras(network, schedule, double, tmp_path):
    """The loop's own batches through Keras with EarlyStopping and ReduceLROnPlateau (or a rate set for each batch):
    the same losses, accuracies and rates epoch by epoch, the same end, the same weights kept."""
    pair = make_pair(network, 32, 40, dropout=False)
    trainer = train_here(pair, tmp_path, schedule)
    callbacks = [keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=3, restore_best_weights=True)]
    rates = None
    if schedule is PLATEAU:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                "val_loss", patience=0, min_delta=0.3, factor=0.2, cooldown=1, min_lr=1e-5
            )
        )
    else:
        triangle = [0, 0.2, 0.4, 0.6, 0.8, 1, 0.8, 0.6, 0.4, 0.2]
        rates = [1e-4 + 2e-3 * height / 2**cycle for cycle in range(3) for height in triangle]
    history = train_there(pair, trainer, callbacks, rates)
    entries = read_journal(tmp_path / "journal.jsonl")
    epochs = [entry for entry in entries if entry["kind"] == "epoch"]
    assert len(epochs) == len(history)
    for ours, theirs in zip(epochs, history, strict=True):
        assert ours["val_loss"] == pytest.approx(theirs["val_loss"], abs=1e-5)
        assert ours["val_accuracy"] == pytest.approx(theirs["val_accuracy"])
        assert ours["lr"] == pytest.approx(theirs["lr"], rel=1e-6)
    steps = [entry["lr"] for entry in entries if entry["kind"] == "step"]
    if rates is not None:
        assert steps == pytest.approx(rates[: len(steps)], rel=1e-6)
    assert len({f"{rate:.3e}" for rate in steps}) > 1  # the rate did change
    assert any(entry["best"] for entry in epochs[1:])
    assert not epochs[-1]["best"]  # so that the weights kept are not those of the end
    kept, theirs = load_file(tmp_path / "weights.safetensors"), in_our_names(pair)
    for name, tensor in kept.items():
        if tensor.is_floating_point():
            assert (tensor - theirs[name]).abs().max() <= 1e-4, name
