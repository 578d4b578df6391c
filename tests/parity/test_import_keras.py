"""Files that Keras wrote, brought over: the imported network answers as Keras does, and lives on as a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

keras = pytest.importorskip("keras")

import keras_notebook  # noqa: E402
import torch  # noqa: E402
from keras import layers  # noqa: E402

from fingerspell.cli.main import app  # noqa: E402
from fingerspell.core.preprocess import normalise  # noqa: E402
from fingerspell.lab.export import export_bundle  # noqa: E402
from fingerspell.lab.keras_model.file import open_keras  # noqa: E402
from fingerspell.lab.nets.model import Model  # noqa: E402
from fingerspell.lab.training.run import RunFolder  # noqa: E402

HEIGHT, WIDTH, CLASSES = 40, 48, 5
LABELS = "A,B,C,J,nothing"
TOLERANCE = 1e-5

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def quick(monkeypatch, one_thread):
    """Read in this process; the tests of the command read apart."""
    monkeypatch.setattr("fingerspell.lab.keras_model.weights.open_apart", open_keras)


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def photos(count: int, seed: int = 0) -> np.ndarray:
    """(N, h, w, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)


def functional(network: str, rescaling: tuple[float, float] | None = None) -> keras.Model:
    inputs = keras.Input((HEIGHT, WIDTH, 3))
    maps = inputs if rescaling is None else layers.Rescaling(*rescaling)(inputs)
    return keras.Model(inputs, keras_notebook.NETWORKS[network](maps, CLASSES, 1.0))


def sequential(network: str, rescaling: tuple[float, float] | None = None) -> keras.Model:
    """The same layers in a list; only v1–v3 are chains."""
    whole = functional(network, rescaling)
    return keras.Sequential([keras.Input((HEIGHT, WIDTH, 3)), *whole.layers[1:]])


def renamed(model: keras.Model) -> keras.Model:
    """With names as users choose them; Keras sorts nothing by them."""
    names = {layer.name: f"z{99 - number} my_{layer.name}" for number, layer in enumerate(model.layers)}

    def clone(layer):
        return type(layer).from_config({**layer.get_config(), "name": names[layer.name]})

    return keras.models.clone_model(model, clone_function=clone)


def trained(model: keras.Model, rescaled: bool = False) -> keras.Model:
    """A few steps, so that no weight or statistic is as a fresh model has it."""
    model.compile("adam", "categorical_crossentropy")
    truth = np.eye(CLASSES, dtype=np.float32)[np.arange(12) % CLASSES]
    inputs = photos(12, 1).astype(np.float32) / (1 if rescaled else 255)
    for _ in range(2):
        model.train_on_batch(inputs, truth)
    return model


def unsettled(model: keras.Model) -> keras.Model:
    draw = np.random.default_rng(3)
    for variable in model.weights:
        if variable.dtype == "float32":
            values = variable.numpy()
            noise = 0.05 * draw.normal(size=values.shape)
            variable.assign(np.abs(values + noise) + 0.1 if "variance" in variable.path else values + noise)
    return model


def bring(file: Path, *args: object) -> RunFolder:
    out = file.parent / f"run-{file.name}"
    done = CliRunner().invoke(app, ["import-keras", str(file), "--out", str(out), "--labels", LABELS, *map(str, args)])
    assert done.exit_code == 0, done.exception
    return RunFolder.open(out)


def require_same_answers(model: keras.Model, run: RunFolder, *, rescaled: bool = False) -> None:
    shown = photos(6, 2)
    expected = model.predict(shown.astype(np.float32) / (1 if rescaled else 255), verbose=0)
    ours = Model.load(run.weights)
    with torch.no_grad():
        found = torch.softmax(ours.net(torch.from_numpy(normalise(shown, ours.preprocess))), dim=1).numpy()
    assert expected.std(axis=0).max() > 1e-3  # the answers depend on the photos
    assert np.abs(found - expected).max() < TOLERANCE


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("network", keras_notebook.NETWORKS)
def test_a_trained_model_answers_as_in_keras(network, ending, tmp_path):
    model = unsettled(trained(functional(network)))
    model.save(tmp_path / f"m.{ending}")
    run = bring(tmp_path / f"m.{ending}")
    assert run.read_state()["network"] == network
    assert run.read_state()["imported"]["keras_version"] == keras.__version__
    require_same_answers(model, run)
    assert len(run.read_state()["imported"]["notes"]) == 2  # how photos are scaled, and the labels


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("network", ["notebook-v1", "notebook-v2", "notebook-v3"])
def test_a_sequential_model_that_rescales(network, ending, tmp_path):
    model = unsettled(sequential(network, (1 / 255, 0.0)))  # never compiled
    model.save(tmp_path / f"m.{ending}")
    require_same_answers(model, bring(tmp_path / f"m.{ending}"), rescaled=True)


@pytest.mark.parametrize(("network", "ending"), [("notebook-v2", "keras"), ("notebook-v5", "h5")])
def test_another_scaling_becomes_mean_and_std(network, ending, tmp_path):
    model = trained(functional(network, (1 / 127.5, -1.0)), rescaled=True)
    model.save(tmp_path / f"m.{ending}")
    require_same_answers(model, bring(tmp_path / f"m.{ending}"), rescaled=True)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("network", ["notebook-v1", "notebook-v4"])
def test_names_that_the_user_chose(network, ending, tmp_path):
    model = unsettled(renamed(functional(network)))
    model.save(tmp_path / f"m.{ending}")
    require_same_answers(model, bring(tmp_path / f"m.{ending}"))


@pytest.mark.parametrize("network", ["notebook-v3", "notebook-v4", "notebook-v5"])
def test_weights_alone(network, tmp_path):
    inputs = keras.Input((HEIGHT, HEIGHT, 3))
    model = unsettled(keras.Model(inputs, keras_notebook.NETWORKS[network](inputs, CLASSES, 1.0)))
    model.save_weights(tmp_path / "m.weights.h5")
    ours = Model.load(bring(tmp_path / "m.weights.h5", "--network", network, "--size", HEIGHT).weights)
    shown = photos(4)[:, :, :HEIGHT]
    with torch.no_grad():
        found = torch.softmax(ours.net(torch.from_numpy(normalise(shown, ours.preprocess))), dim=1).numpy()
    assert np.abs(found - model.predict(shown / np.float32(255), verbose=0)).max() < TOLERANCE


def test_sixteen_bits(tmp_path):
    keras.config.set_dtype_policy("float16")
    try:
        model = functional("notebook-v2")
    finally:
        keras.config.set_dtype_policy("float32")
    model.save(tmp_path / "m.keras")
    notes = bring(tmp_path / "m.keras").read_state()["imported"]["notes"]
    assert any("weights of type float16" in note for note in notes)
    assert any("precision: float16" in note for note in notes)


def test_code_in_a_lambda_is_not_run(tmp_path):
    """Written by Keras itself; its own loader would have to be told to run it."""
    inputs = keras.Input((HEIGHT, WIDTH, 3))
    model = keras.Model(inputs, keras_notebook.v1(layers.Lambda(lambda x: x + 0)(inputs), CLASSES, 1.0))
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        done = CliRunner().invoke(app, ["import-keras", str(tmp_path / name), "--out", str(tmp_path / "run")])
        assert "is a Lambda layer: it holds code, which is never run" in str(done.exception)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (layers.Conv2D(96, 3, activation="relu"), "is a Conv2D; expected a InputLayer"),
        (lambda maps: maps * 2.0, "a Multiply, takes 2.0 as an input"),
        (layers.RandomFlip(), "a RandomFlip, is called with training=True"),
    ],
)
def test_what_the_notebook_does_not_have_is_refused(change, says, tmp_path):
    inputs = keras.Input((HEIGHT, WIDTH, 3))
    keras.Model(inputs, keras_notebook.v2(change(inputs), CLASSES, 1.0)).save(tmp_path / "m.keras")
    done = CliRunner().invoke(app, ["import-keras", str(tmp_path / "m.keras"), "--out", str(tmp_path / "run")])
    assert says in str(done.exception)


class TestLivingOn:
    """An imported run through the other commands; everything said of it is only what is known."""

    @pytest.fixture
    def folder(self, photo_folder):
        return photo_folder(dict.fromkeys(LABELS.split(","), 10), side=44)

    @pytest.fixture
    def run(self, folder, tmp_path, monkeypatch):
        monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr("fingerspell.lab.figures._svg", lambda *_: "data:image/svg+xml;base64,PHN2Zy8+")
        self.model = trained(functional("notebook-v2"))
        self.model.save(tmp_path / "m.keras")
        return bring(tmp_path / "m.keras", "--data", folder)

    def call(self, *args: object):
        done = CliRunner().invoke(app, [str(each) for each in args])
        assert done.exit_code == 0, done.exception
        return done

    def test_it_is_scored_on_what_keras_would_hold_out(self, run, folder):
        done = self.call("evaluate", run.path)
        scored = json.loads(run.evaluation.read_text())["sources"][0]
        generator = keras.src.legacy.preprocessing.image.ImageDataGenerator(rescale=1 / 255, validation_split=0.2)
        walked = generator.flow_from_directory(
            folder, (HEIGHT, WIDTH), subset="validation", shuffle=False, interpolation="nearest"
        )
        assert sorted(scored["predictions"]["path"]) == sorted(walked.filenames)
        said = [LABELS.split(",")[at] for at in self.model.predict(walked, verbose=0).argmax(axis=1)]
        ours = dict(zip(scored["predictions"]["path"], scored["predictions"]["said"], strict=True))
        assert [ours[path] for path in walked.filenames] == said
        assert scored["strategy"] == "unknown"
        assert "What the model learnt from is not known" in scored["description"]
        assert "What the model learnt from is not known" in done.stdout
        page = run.report.read_text()
        assert "Imported from <q>m.keras</q>" in page
        assert "which it never learnt from" not in page
        assert "no number here is known to be of photos that it has not seen" in page.replace("\n", " ")
        assert "Training photo" not in page

    def test_no_folder_is_called_another_collection(self, run, folder, photo_folder):
        other = photo_folder({"A": [50, 51], "B": [60, 61]}, name="others", side=44)
        done = self.call("evaluate", run.path, folder, other)
        assert "only its val part is scored" in done.stderr
        assert "the folder the run was trained on" not in done.stderr
        sources = json.loads(run.evaluation.read_text())["sources"]
        assert [source["other_collection"] for source in sources] == [False, False]
        assert all("learnt from is not known" in source["description"] for source in sources)

    def test_it_becomes_a_bundle_that_answers(self, run, folder, tmp_path):
        pytest.importorskip("onnxscript")
        self.call("export", run.path, "-o", tmp_path / "asl.bundle")
        card = json.loads((tmp_path / "asl.bundle" / "card.json").read_text())
        assert card["data"]["photos"] == "not known"
        assert card["data"]["split"] == "not known"
        assert card["imported"]["file"] == "m.keras"
        assert str(tmp_path) not in json.dumps(card)
        photo = folder / "A" / "A3.jpg"
        answer = json.loads(self.call("predict", tmp_path / "asl.bundle", photo, "--json").stdout)
        pixels = keras.utils.load_img(photo, target_size=(HEIGHT, WIDTH), interpolation="nearest")
        expected = self.model.predict(np.asarray(pixels, np.float32)[None] / 255, verbose=0)[0]
        assert answer["label"] == LABELS.split(",")[expected.argmax()]
        assert abs(answer["probability"] - expected.max()) < 1e-4

    def test_beside_other_runs_it_is_marked(self, run, tmp_path):
        done = self.call("compare", run.path, "--html", tmp_path / "c.html")
        assert "was imported from m.keras: what it learnt from is not known" in done.stderr
        assert "Not finished" not in done.stderr
        assert "not known" in done.stdout
        row = json.loads(self.call("compare", run.path, "--json").stdout)["rows"][0]
        assert (row["epochs"], row["best_val_accuracy"], row["split"], row["imported"]) == (
            None,
            None,
            "not known",
            "m.keras",
        )


class TestWithoutPhotos:
    """An imported run that was given no folder: others must be named."""

    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr("fingerspell.lab.figures._svg", lambda *_: "data:image/svg+xml;base64,PHN2Zy8+")
        unsettled(functional("notebook-v3")).save(tmp_path / "m.h5")
        return bring(tmp_path / "m.h5")

    def test_it_says_that_folders_are_needed(self, run):
        alone = CliRunner().invoke(app, ["evaluate", str(run.path)])
        assert "has no photos of its own" in str(alone.exception)
        assert "fingerspell evaluate RUN DIR" in str(alone.exception)
        bundle = CliRunner().invoke(app, ["export", str(run.path), "-o", str(run.path.parent / "b")])
        assert "fingerspell export RUN --photos DIR" in str(bundle.exception)
        assert not (run.path.parent / "b").exists()

    def test_with_folders_it_is_scored_and_exported(self, run, photo_folder, tmp_path, monkeypatch):
        folder = photo_folder({"A": 4, "B": 4}, side=44)
        done = CliRunner().invoke(app, ["evaluate", str(run.path), str(folder)])
        assert done.exit_code == 0, done.exception
        assert "so it may have seen these photos" in done.stdout
        assert "so it may have seen these photos" in run.report.read_text()
        taken = []
        monkeypatch.setattr("fingerspell.lab.export.to_onnx", lambda graph: b"")
        monkeypatch.setattr("fingerspell.lab.export.require_self_contained", lambda data: None)
        monkeypatch.setattr("fingerspell.lab.export.require_features", lambda *_: None)
        monkeypatch.setattr(
            "fingerspell.lab.export.require_parity", lambda data, golden, *_, **__: taken.extend(golden) or 0.0
        )
        result = export_bundle(run, tmp_path / "b", photos=folder, cache_folder=tmp_path / "cache")
        assert result.photos == len(taken) == 6  # A, B, and some in other sizes
        card = json.loads((tmp_path / "b" / "card.json").read_text())
        assert card["data"]["folder"] == "not known"
        assert card["scores"][0]["where_from"].startswith("The folder photos; what the model learnt from is not known")
