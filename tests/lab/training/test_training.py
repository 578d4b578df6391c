"""The loop as a whole: it learns, records, stops, pauses, goes on bit for bit, and fails in plain words."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fingerspell.core.errors import DataError, TrainingError
from fingerspell.core.preprocess import preprocess
from fingerspell.lab import recipe as recipes
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import Split, make_split
from fingerspell.lab.nets.model import Model
from fingerspell.lab.training import batches, loop
from fingerspell.lab.training.device import choose_device, out_of_memory
from fingerspell.lab.training.journal import Journal, read_journal
from fingerspell.lab.training.launch import Surroundings, resume, split_for, start
from fingerspell.lab.training.run import RunFolder

torch.set_num_threads(1)
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Three classes told apart by where the bright bar is; 20 photos each, and one text file named .jpg."""
    folder = tmp_path_factory.mktemp("photos")
    numbers = np.random.default_rng(0)
    for index, label in enumerate("ABC"):
        (folder / label).mkdir()
        for number in range(20):
            pixels = numbers.integers(0, 90, (40, 40, 3), dtype=np.uint8)
            pixels[12 * index + 2 : 12 * index + 9] += 130
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.jpg")
    (folder / "A" / "A7.jpg").write_text("this is no photo")
    return folder


@pytest.fixture(scope="module")
def around(tmp_path_factory) -> Surroundings:
    return Surroundings(tmp_path_factory.mktemp("cache"), device="cpu")


def recipe(**changes) -> recipes.Recipe:
    values = {
        "name": "small",
        "network": "residual-small",
        "split": {"by": "block", "guard": 0.0},
        "preprocess": {"height": 32, "width": 32},
        "training": {"epochs": 6, "batch_size": 8, "learning_rate": 0.003},
    }
    return recipes.from_dict(values | changes)


def begin(settings, photos, out, around) -> dict:
    return start(settings, split_for(settings, scan(photos)), RunFolder(out), around)


def test_learns_and_records(photos, around, tmp_path):
    state = begin(recipe(), photos, tmp_path / "run", around)
    run = RunFolder.open(tmp_path / "run")
    assert state["status"] == "finished"
    assert state["epochs_done"] == 6
    assert state["best"]["val_accuracy"] == 1.0
    assert state["labels"] == ["A", "B", "C"]
    assert state["data"]["damaged"] == [{"path": "A/A7.jpg", "reason": state["data"]["damaged"][0]["reason"]}]
    assert "not a readable image" in state["data"]["damaged"][0]["reason"]
    entries = read_journal(run.journal)
    epochs = [entry for entry in entries if entry["kind"] == "epoch"]
    steps = [entry for entry in entries if entry["kind"] == "step"]
    assert [entry["epoch"] for entry in epochs] == list(range(6))
    assert len(steps) == 6 * math.ceil(state["split"]["counts"]["train"] / 8)
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"] / 2
    assert recipes.read(str(run.recipe)) == recipe()
    assert Model.load(run.weights).labels == ("A", "B", "C")


def test_validation_loss_is_cross_entropy_and_l2_terms(photos, around, tmp_path):
    """As Keras logs it; without the L2 terms it is in the journal beside it."""
    begin(recipe(training={"epochs": 1, "batch_size": 8}, network="notebook-v2"), photos, tmp_path / "run", around)
    run = RunFolder.open(tmp_path / "run")
    entry = next(entry for entry in read_journal(run.journal) if entry["kind"] == "epoch")
    logits, truth = validation_logits(run, photos)
    model = Model.load(run.weights)
    by_hand = torch.nn.functional.cross_entropy(logits, truth).item()
    kernels = [*(conv.weight for conv in model.net.convs), model.net.dense1.weight]
    assert entry["val_cross_entropy"] == pytest.approx(by_hand, rel=1e-4)
    assert entry["val_loss"] - entry["val_cross_entropy"] == pytest.approx(
        0.001 * sum(kernel.square().sum().item() for kernel in kernels), rel=1e-4
    )


@pytest.mark.parametrize(("mirror", "flips"), [(None, True), (True, True), (False, False)])
def test_mirroring_is_the_policys_unless_the_recipe_says(mirror, flips):
    settings = recipe(augment="A", mirror=mirror)
    assert settings.policy().flip is flips
    assert settings.policy().rotation == 15
    assert recipes.from_dict(settings.as_dict()) == settings


def test_best_weights_are_those_of_the_best_epoch(photos, around, tmp_path):
    """Scored again by hand, the weights that are kept give the best epoch's val_accuracy, not the last one's."""
    settings = recipe(training={"epochs": 5, "batch_size": 8, "learning_rate": 0.05}, network="notebook-v2")
    begin(settings, photos, tmp_path / "run", around)
    run = RunFolder.open(tmp_path / "run")
    epochs = [entry for entry in read_journal(run.journal) if entry["kind"] == "epoch"]
    best = max(epochs, key=lambda entry: (entry["val_accuracy"], -entry["epoch"]))
    assert run.read_state()["best"] == {"epoch": best["epoch"], "val_accuracy": best["val_accuracy"]}
    assert [entry["epoch"] for entry in epochs if entry["best"]][-1] == best["epoch"]
    logits, truth = validation_logits(run, photos)
    assert (logits.argmax(1) == truth).double().mean().item() == pytest.approx(best["val_accuracy"])


def validation_logits(run: RunFolder, photos: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """What the kept weights say of the validation photos, the reference way, and the truth."""
    model, split = Model.load(run.weights), Split.load(run.split)
    every = [split.manifest.photos[index] for index in split.indices("val")]
    chosen = [photo for photo in every if photo.path != "A/A7.jpg"]  # damaged
    inputs = np.stack([preprocess((photos / photo.path).read_bytes(), model.preprocess) for photo in chosen])
    with torch.no_grad():
        logits = model.net(torch.from_numpy(inputs))
    return logits, torch.tensor([model.labels.index(photo.label) for photo in chosen])


def test_the_weights_kept_are_of_the_best_epoch_not_of_the_last(photos, around, tmp_path, monkeypatch):
    """Validation is told what to say: best in the second of three epochs."""
    said, seen = iter([(1.0, 0.0, 0.5), (1.0, 0.0, 0.9), (1.0, 0.0, 0.3)]), []

    def validate(trainer):
        seen.append({name: tensor.clone() for name, tensor in trainer.net.state_dict().items()})
        return next(said)

    monkeypatch.setattr(loop.Trainer, "_validate", validate)
    begin(recipe(training={"epochs": 3, "batch_size": 8}), photos, tmp_path / "run", around)
    kept = load_file(RunFolder(tmp_path / "run").weights)
    assert all(torch.equal(kept[name], seen[1][name]) for name in kept)
    assert not all(torch.equal(kept[name], seen[2][name]) for name in kept)


def test_every_epoch_has_an_order_of_its_own(photos, around, tmp_path, monkeypatch):
    orders = []
    drawn = batches.Batches.order
    monkeypatch.setattr(batches.Batches, "order", lambda self, epoch: orders.append(drawn(self, epoch)) or orders[-1])
    begin(recipe(training={"epochs": 2, "batch_size": 8}), photos, tmp_path / "run", around)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(len(orders[0])))
    assert not np.array_equal(orders[0], orders[1])


def test_validation_loss_contains_the_l2_terms(photos, around, tmp_path):
    settings = recipe(network="notebook-v3", training={"epochs": 1, "batch_size": 8, "learning_rate": 1e-9})
    begin(settings, photos, tmp_path / "run", around)
    run = RunFolder.open(tmp_path / "run")
    epoch = read_journal(run.journal)[-1]
    penalty = Model.load(run.weights).net.l2_penalty().item()
    entropy = torch.nn.functional.cross_entropy(*validation_logits(run, photos)).item()
    assert penalty > 0.1
    assert epoch["val_loss"] == pytest.approx(entropy + penalty, rel=1e-4)


def test_early_stopping_ends_a_run(photos, around, tmp_path):
    settings = recipe(stopping={"patience": 1}, training={"epochs": 50, "batch_size": 8, "learning_rate": 1e-9})
    state = begin(settings, photos, tmp_path / "run", around)
    assert state["status"] == "finished"
    assert state["epochs_done"] == 2
    assert "no better val_accuracy" in state["reason"]


def pause_after(count: int):
    """A stop request that comes true at the count-th question."""
    asked = iter(range(10_000))
    return lambda: "enough" if next(asked) >= count else None


@pytest.mark.parametrize("network", ["residual-small", "notebook-v1", "notebook-v5"])
def test_paused_and_gone_on_equals_unbroken(photos, around, tmp_path, network):
    settings = recipe(
        network=network,
        augment="C",
        training={"epochs": 3, "batch_size": 8},
        plateau={"patience": 0},
        stopping={"patience": 2},
    )
    begin(settings, photos, tmp_path / "whole", around)
    state = begin(settings, photos, tmp_path / "parts", _with(around, pause_after(3)))
    assert state["status"] == "paused"
    assert state["reason"] == "enough"
    sittings = 1
    while state["status"] == "paused":
        state = resume(RunFolder.open(tmp_path / "parts"), _with(around, pause_after(4)))
        sittings += 1
    assert sittings > 2
    for name in ("weights", "checkpoint"):
        whole, parts = (load_file(getattr(RunFolder(tmp_path / run), name)) for run in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[key], parts[key]) for key in whole)


def _with(around: Surroundings, asked) -> Surroundings:
    return Surroundings(around.cache_folder, device="cpu", asked_to_stop=asked)


def test_killed_at_random_moments_equals_unbroken():
    script = HERE / "killing.py"
    done = subprocess.run(
        [sys.executable, str(script), "--runs", "1", "--seed", "7"], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["equal"] == [True]
    assert result["kills"][0] >= 3


def test_max_minutes_pauses_and_resume_finishes(photos, around, tmp_path):
    short = Surroundings(around.cache_folder, device="cpu", max_minutes=0.0)
    state = begin(recipe(), photos, tmp_path / "run", short)
    assert state["status"] == "paused"
    assert "minutes" in state["reason"]
    state = resume(RunFolder.open(tmp_path / "run"), around)
    assert state["status"] == "finished"
    again = resume(RunFolder.open(tmp_path / "run"), around)  # nothing left to do
    assert again == state


def test_a_loss_that_is_not_finite_stops_and_says_where(photos, around, tmp_path):
    settings = recipe(
        preprocess={"height": 32, "width": 32, "mean": (1e38,) * 3, "std": (1e-38,) * 3}, network="notebook-v1"
    )
    with pytest.raises(TrainingError) as caught:
        begin(settings, photos, tmp_path / "run", around)
    text = str(caught.value)
    assert "at step 1 (epoch 1)" in text
    assert "learning rate of 0.003" in text
    assert "learning_rate=0.0003" in text
    state = RunFolder.open(tmp_path / "run").read_state()
    assert state["status"] == "failed"
    assert "the loss became" in state["reason"]


def test_running_out_of_memory_names_a_smaller_batch(photos, around, tmp_path, monkeypatch):
    def full(*_args, **_values):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(batches.augment_cpu, "change", full)
    with pytest.raises(TrainingError, match="--batch-size 4"):
        begin(recipe(), photos, tmp_path / "run", around)
    assert out_of_memory(ValueError("something else"), 8) is None


def test_other_errors_are_not_hidden(photos, around, tmp_path, monkeypatch):
    def broken(*_args, **_values):
        raise RuntimeError("a bug")

    monkeypatch.setattr(batches.augment_cpu, "change", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        begin(recipe(), photos, tmp_path / "run", around)


def test_a_folder_with_a_run_is_not_overwritten(photos, around, tmp_path):
    begin(recipe(training={"epochs": 1, "batch_size": 8}), photos, tmp_path / "run", around)
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(TrainingError, match="--resume"):
        begin(recipe(), photos, tmp_path / "run", around)
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_one_trainer_a_folder(photos, around, tmp_path):
    fcntl = pytest.importorskip("fcntl", reason="no file locks on this system")
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TrainingError, match="another process"):
            begin(recipe(), photos, tmp_path / "run", around)


@pytest.mark.parametrize("damage", ["cut", "foreign"])
def test_a_damaged_checkpoint_is_a_clear_error(photos, around, tmp_path, damage):
    begin(recipe(), photos, tmp_path / "run", Surroundings(around.cache_folder, device="cpu", max_minutes=0))
    run = RunFolder.open(tmp_path / "run")
    content = run.checkpoint.read_bytes()
    run.checkpoint.write_bytes(content[:-100] if damage == "cut" else run.checkpoint.with_name("run.json").read_bytes())
    with pytest.raises(TrainingError, match="checkpoint"):
        resume(run, around)


def test_a_changed_split_is_refused(photos, around, tmp_path):
    begin(recipe(), photos, tmp_path / "run", Surroundings(around.cache_folder, device="cpu", max_minutes=0))
    run = RunFolder.open(tmp_path / "run")
    make_split(scan(photos), "random").save(run.split)
    with pytest.raises(TrainingError, match="split"):
        resume(run, around)


def test_no_run_there(tmp_path):
    with pytest.raises(DataError, match=r"no run\.json"):
        RunFolder.open(tmp_path)


def test_too_few_readable_photos(tmp_path, around):
    for label in "AB":
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(10):
            path = tmp_path / "set" / label / f"{number}.jpg"
            if label == "A":
                Image.new("RGB", (40, 40), (number * 20, 0, 0)).save(path)
            else:
                path.write_text(f"no photo {number}")
    with pytest.raises(DataError, match="too few readable photos"):
        begin(recipe(), tmp_path / "set", tmp_path / "run", around)


def test_a_last_batch_of_one_photo_is_left_out(photos, around, tmp_path):
    split = split_for(recipe(), scan(photos))
    count = sum(split.manifest.photos[index].path != "A/A7.jpg" for index in split.indices("train"))
    batch = next(size for size in range(2, count) if count % size == 1)
    state = begin(recipe(training={"epochs": 1, "batch_size": batch}), photos, tmp_path / "run", around)
    assert state["status"] == "finished"
    steps = [entry for entry in read_journal(RunFolder(tmp_path / "run").journal) if entry["kind"] == "step"]
    assert len(steps) == count // batch


def test_group_split_needs_a_split_file(photos):
    with pytest.raises(DataError, match="--split"):
        split_for(recipe(split={"by": "group"}), scan(photos))


def test_journal_cuts_back_and_survives_a_torn_line(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.write({"kind": "step", "loss": float("nan")})
        kept = journal.sync()
        journal.write({"kind": "step", "loss": 2.0})
        journal.sync()
    with Journal(path, kept) as journal:
        journal.write({"kind": "step", "loss": 3.0})
        journal.sync()
    with path.open("ab") as file:
        file.write(b'{"kind": "st')
    assert read_journal(path) == [{"kind": "step", "loss": None}, {"kind": "step", "loss": 3.0}]
    assert read_journal(tmp_path / "absent") == []
    with pytest.raises(TrainingError, match="cannot be written"):
        Journal(tmp_path)


def test_devices():
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(TrainingError, match="cpu"):
        choose_device("tpu")


def test_a_compiled_network_trains_as_one_that_is_not(photos, around, tmp_path, monkeypatch):
    """Traced as on a GPU; here by a backend that needs no compiler of C++."""
    traced, compiled = [], torch.nn.Module.compile

    def trace(net, *_, **settings) -> None:
        traced.append(settings)
        compiled(net, backend="aot_eager", dynamic=False)

    monkeypatch.setattr(torch.nn.Module, "compile", trace)
    losses = []
    for compile_it in (False, True):
        training = {"epochs": 2, "batch_size": 8, "learning_rate": 0.003, "compile": compile_it}
        out = tmp_path / f"run-{compile_it}"
        assert begin(recipe(training=training), photos, out, around)["status"] == "finished"
        losses.append([entry["loss"] for entry in read_journal(out / "journal.jsonl") if entry["kind"] == "step"])
        assert Model.load(RunFolder.open(out).weights).labels == ("A", "B", "C")
    assert traced == [{"mode": None, "dynamic": False}]  # graphs are for a GPU
    assert losses[1][:2] == pytest.approx(losses[0][:2], rel=0.002)  # later the last digits have grown
    assert np.mean(losses[1][-5:]) < 0.7 * np.mean(losses[1][:5])
    assert losses[1] != losses[0], "nothing was compiled"


def test_bfloat16_trains(photos, around, tmp_path):
    settings = recipe(training={"epochs": 4, "batch_size": 8, "learning_rate": 0.003, "precision": "bfloat16"})
    state = begin(settings, photos, tmp_path / "run", around)
    assert state["best"]["val_accuracy"] > 0.6


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_save_and_say_how_to_go_on(photos, tmp_path, number, code):
    """The command itself: a signal in mid-training saves, exits with its code, and --resume ends the run."""
    arguments = [sys.executable, "-m", "fingerspell.cli.main", "train"]
    small = ["--set", "training.batch_size=4", "--size", "32", "--epochs", "400", "--cache", str(tmp_path / "cache")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = tmp_path / "run"
    child = subprocess.Popen(
        [*arguments, str(photos), "--out", str(run), *small], stderr=subprocess.PIPE, text=True, env=environment
    )
    until = time.monotonic() + 60
    while not (run / "weights.safetensors").exists() and time.monotonic() < until and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(number)
    _, said = child.communicate(timeout=60)
    assert child.returncode == code, said
    assert f"fingerspell train --resume {run}" in said
    assert "Traceback" not in said
    state = RunFolder.open(run).read_state()
    assert state["status"] == "paused"
    done = subprocess.run(
        [*arguments, "--resume", str(run), "--max-minutes", "0.01", "--cache", str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert RunFolder.open(run).read_state()["epochs_done"] >= state["epochs_done"]


def test_tensorboard_files_are_written(photos, around, tmp_path):
    pytest.importorskip("tensorboard", reason="the tensorboard part is not installed")
    from fingerspell.lab.training.tensorboard import TensorBoard

    settings = recipe(training={"epochs": 1, "batch_size": 8})
    observed = Surroundings(around.cache_folder, device="cpu", observers=[TensorBoard(tmp_path / "board")])
    begin(settings, photos, tmp_path / "run", observed)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    epoch = read_journal(RunFolder(tmp_path / "run").journal)[-1]
    assert events.Scalars("epoch/val_accuracy")[0].value == pytest.approx(epoch["val_accuracy"])
    assert len(events.Scalars("step/loss")) > 1


def test_a_run_without_an_epoch_says_so(photos, around, tmp_path):
    begin(recipe(), photos, tmp_path / "run", Surroundings(around.cache_folder, device="cpu", max_minutes=0))
    with pytest.raises(DataError, match="no epoch has ended"):
        RunFolder.open(tmp_path / "run").require_weights()
