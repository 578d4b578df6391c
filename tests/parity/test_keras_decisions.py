"""Early stopping, the plateau and the cyclic rate decide as Keras's callbacks do, over thousands of generated runs."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fingerspell.core.errors import RecipeError
from fingerspell.lab import recipe as recipes
from fingerspell.lab.recipe import CyclicSettings, PlateauSettings
from fingerspell.lab.training.schedule import Cyclic, Plateau
from fingerspell.lab.training.stopping import EarlyStopping, exceeds

keras = pytest.importorskip("keras", reason="keras (group parity) is not installed")
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation", "ignore:Converting a tensor with requires_grad"
)

NAN, INF = float("nan"), float("inf")
STEPS = [0.25, 0.5, 0.5 + 1e-8, 0.5 + 1e-7, 0.5 + 1e-4, 0.5 + 2e-4, 0.51, 1.0]  # ties, and what is nearly one
METRIC = st.one_of(
    st.sampled_from(STEPS),
    st.floats(0, 1),
    st.floats(-10, 10, width=32),
    st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 3.5e-235, 1e-42, 1e300, 3.4e38]),
)
METRICS = st.lists(METRIC, min_size=1, max_size=25)
DELTAS = st.one_of(st.sampled_from([0.0, 1e-4, 0.01, -0.01]), st.floats(0, 0.5))


class Fitted:
    """As much of a Keras model as the callbacks touch: they run unchanged. Its weights are the number of the epoch."""

    def __init__(self, rate: float = 1.0) -> None:
        self.stop_training = False
        self.optimizer = keras.optimizers.SGD(rate)
        self.now = -1

    def get_weights(self) -> list[np.ndarray]:
        return [np.array(self.now)]

    def set_weights(self, weights) -> None:
        self.now = int(weights[0])


def same(ours: float, theirs: float) -> bool:
    return ours == theirs or (math.isnan(ours) and math.isnan(theirs))


def run_both_stoppings(values, patience, min_delta) -> tuple[EarlyStopping, bool]:
    """(our stopping, whether it stopped); every decision on the way, and the weights at the end, are Keras's."""
    callback = keras.callbacks.EarlyStopping(
        monitor="val_accuracy", mode="max", patience=patience, min_delta=min_delta, restore_best_weights=True
    )
    model = Fitted()
    callback.set_model(model)
    callback.on_train_begin()
    ours, kept, stop = EarlyStopping(patience, min_delta), None, False
    for epoch, value in enumerate(values):
        model.now = epoch
        callback.on_epoch_end(epoch, {"val_accuracy": value})
        improved, stop = ours.update(epoch, value)
        kept = epoch if improved else kept  # what our loop does: write the weights when they are the best
        assert stop == model.stop_training
        assert (ours.best_epoch, ours.wait) == (callback.best_epoch, callback.wait)
        assert same(ours.best, callback.best)
        if stop:
            break
    callback.on_train_end()
    assert kept == model.now == ours.best_epoch
    return ours, stop


@settings(max_examples=1500, deadline=None)
@given(METRICS, st.integers(0, 6), DELTAS)
@example([0.0, 3.5e-235, 3.5e-235], 1, 0.0)
@example([NAN, 0.5, 0.9, 0.9], 2, 0.0)
@example([0.5, NAN, NAN, 0.6], 3, 0.0)
@example([INF, INF, 1.0], 0, 0.0)
def test_stopping_decides_as_keras(values, patience, min_delta):
    run_both_stoppings(values, patience, min_delta)


def test_nan_in_the_first_epoch_is_never_improved_on():
    """As in Keras: the weights of that epoch are the ones restored, however good the later ones are."""
    ours, stopped = run_both_stoppings([NAN, 0.5, 0.9, 0.99], 3, 0.0)
    assert (ours.best_epoch, stopped) == (0, True)
    later, stopped = run_both_stoppings([0.5, NAN, 0.9, 0.8], 3, 0.0)
    assert (later.best_epoch, stopped) == (
        2,
        False,
    )  # a NaN on the way is only no improvement; not stopped, yet restored


def test_without_patience_nothing_stops_and_the_best_is_found():
    ours = EarlyStopping(None)
    assert [ours.update(epoch, value) for epoch, value in enumerate([0.5, 0.4, 0.6, 0.1, 0.1])] == [
        (True, False),
        (False, False),
        (True, False),
        (False, False),
        (False, False),
    ]
    assert ours.best_epoch == 2


@settings(max_examples=300, deadline=None)
@given(METRIC, METRIC)
def test_values_are_compared_as_keras_compares_them(value, other):
    """keras.ops.greater takes Python's 64-bit floats as 32-bit ones: what differs by less is a tie."""
    assert exceeds(value, other) == bool(keras.ops.greater(value, other))


def run_both_plateaus(values, rate, plateau: PlateauSettings) -> list[float]:
    """Our rates, epoch by epoch, each the one that Keras has."""
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        factor=plateau.factor,
        patience=plateau.patience,
        min_lr=plateau.floor,
        min_delta=plateau.min_delta,
        cooldown=plateau.cooldown,
    )
    model = Fitted(rate)
    callback.set_model(model)
    callback.on_train_begin()
    ours, rates = Plateau(rate, plateau), []
    for epoch, value in enumerate(values):
        logs = {"val_loss": value}
        callback.on_epoch_end(epoch, logs)
        assert np.float32(ours.rate(epoch)) == logs["learning_rate"]  # an epoch's rate is logged before it is changed
        ours.end_epoch(value)
        rates.append(ours.rate(epoch))
        assert np.float32(rates[-1]) == float(model.optimizer.learning_rate)
        assert (ours.wait, ours.cooldown) == (callback.wait, callback.cooldown_counter)
        assert same(ours.best, callback.best)
    return rates


@settings(max_examples=1500, deadline=None)
@given(
    METRICS,
    st.one_of(st.sampled_from([1e-3, 1e-4, 1e-5, 1.00000001e-5, 0.1]), st.floats(1e-7, 10)),
    st.builds(
        PlateauSettings,
        patience=st.integers(0, 4),
        factor=st.one_of(st.sampled_from([0.1, 0.2, 0.5]), st.floats(0.01, 0.99)),
        floor=st.sampled_from([0.0, 1e-6, 1e-5, 1e-4, 0.05]),
        min_delta=st.one_of(st.sampled_from([0.0, 1e-4, 0.01]), st.floats(0, 0.5)),
        cooldown=st.integers(0, 3),
    ),
)
@example([0.0, -3.5e-235, 0.0], 1e-3, PlateauSettings(patience=1, min_delta=0))
@example([NAN, 0.5, 0.4, 0.3], 1e-3, PlateauSettings(patience=1))
@example([1.0] * 9, 1e-3, PlateauSettings(patience=1, factor=0.1, cooldown=2))
def test_plateau_decides_as_keras(values, rate, plateau):
    run_both_plateaus(values, rate, plateau)


def test_plateau_by_hand():
    """The notebook's: ×0.2 after two epochs that do not fall by more than 1e-4, never below 1e-5."""
    losses = [1.0, 0.9, 0.89995, 0.89995, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    rates = run_both_plateaus(losses, 0.001, PlateauSettings(patience=2))
    assert rates == pytest.approx([1e-3] * 3 + [2e-4] * 2 + [4e-5] * 2 + [1e-5] * 3, rel=1e-6)


def test_a_nan_loss_at_first_reduces_for_ever():
    rates = run_both_plateaus([NAN, 3.0, 2.0, 1.0, 0.5], 0.001, PlateauSettings(patience=2, floor=0))
    assert rates == pytest.approx([1e-3, 1e-3, 2e-4, 2e-4, 4e-5], rel=1e-6)


def reference_rate(step: int, cyclic: CyclicSettings, half: Fraction) -> float:
    """The triangle by where a step lies in its cycle, in exact fractions: up for `half` steps, down for as many."""
    cycle, place = divmod(Fraction(step), 2 * half)
    height = float(place / half if place <= half else 2 - place / half)
    if cyclic.shape == "triangular2":
        height /= 2.0 ** int(cycle)
    elif cyclic.shape == "exp_range":
        height *= math.exp(step * math.log(cyclic.gamma))
    return cyclic.base * (1 - height) + cyclic.top * height


CYCLICS = st.builds(
    CyclicSettings,
    base=st.floats(1e-6, 1e-2),
    top=st.floats(1e-5, 1.0),
    half_cycle=st.one_of(st.integers(1, 8).map(float), st.floats(0.5, 8)),
    shape=st.sampled_from(["triangular", "triangular2", "exp_range"]),
    gamma=st.floats(0.99, 1.0),
)


@settings(max_examples=500, deadline=None)
@given(CYCLICS, st.integers(1, 40), st.integers(1, 6))
def test_cyclic_over_whole_runs(cyclic, steps_per_epoch, epochs):
    ours = Cyclic(cyclic, steps_per_epoch)
    half = Fraction(cyclic.half_cycle) * steps_per_epoch
    steps = range(steps_per_epoch * epochs)
    theirs = [reference_rate(step, cyclic, half) for step in steps]
    assert [ours.rate(step) for step in steps] == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("shape", ["triangular", "triangular2", "exp_range"])
def test_cyclic_is_set_for_each_batch_as_a_callback_does_in_keras(shape):
    """A Keras fit whose callback sets the rate before each batch, counted over the whole run, as notebooks do it."""
    cyclic = CyclicSettings(base=1e-4, top=1e-2, half_cycle=0.75, shape=shape, gamma=0.97)
    rates: list[float] = []

    class Setter(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = reference_rate(len(rates), cyclic, Fraction(3))

        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(np.ones((8, 1)), np.ones((8, 1)), batch_size=2, epochs=4, verbose=0, callbacks=[Setter()])
    ours = Cyclic(cyclic, steps_per_epoch=4)
    assert rates == pytest.approx([ours.rate(step) for step in range(16)], rel=1e-6)
    ours.end_epoch(5.0)  # no loss moves it
    assert ours.rate(7) == pytest.approx(rates[7], rel=1e-6)


def test_cyclic_and_plateau_exclude_each_other():
    values = {
        "name": "both",
        "network": "notebook-v5",
        "training": {"epochs": 2},
        "plateau": {"patience": 3},
        "cyclic": {"base": 1e-4, "top": 1e-3, "half_cycle": 2},
    }
    with pytest.raises(RecipeError, match="plateau and cyclic"):
        recipes.from_dict(values)
