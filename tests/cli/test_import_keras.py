"""`fingerspell import-keras`: whole files become runs; hostile and foreign ones give one message, and nothing else."""

from __future__ import annotations

import base64
import json
import marshal
import os
import re
import resource
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

h5py = pytest.importorskip("h5py")
pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[1] / "lab" / "keras_model"))

from handmade_keras import Handmade  # noqa: E402

from fingerspell.cli.main import app  # noqa: E402
from fingerspell.core.errors import FingerspellError  # noqa: E402
from fingerspell.lab.keras_model.file import open_keras  # noqa: E402
from fingerspell.lab.nets.model import Model  # noqa: E402
from fingerspell.lab.training.run import RunFolder  # noqa: E402

LABELS = "A,B,J,nothing"
ROOT = Path(__file__).parents[2]


def run(*args: object):
    return CliRunner().invoke(app, [str(each) for each in args])


def bring(file: Path, *args: object):
    """Import a file into `run` beside it."""
    return run("import-keras", file, "--out", file.parent / "run", "--labels", LABELS, *args)


def code(place: Path) -> str:
    """What Keras stores of a Python lambda: marshalled bytecode, here one that would make a file."""
    made = compile(f"open({str(place / 'RAN')!r}, 'w')", "lambda", "eval")
    return base64.b64encode(marshal.dumps(made)).decode()


def with_lambda(place: Path, style: str, entry: dict) -> Handmade:
    model = Handmade(style=style)
    body = {"class_name": "__lambda__", "config": {"code": code(place), "defaults": None, "closure": None}}
    model.insert("input_layer", "Lambda", "trick", function=body, function_type="lambda")
    model.entry("trick").update(entry)
    return model


def custom(place: Path) -> Path:
    model = Handmade()
    model.entry("conv2d_1").update(module="evil", class_name="Conv2D", registered_name="evil>Conv2D")
    return model.keras(place / "m.keras")


def raw_zip(place: Path, members: list[tuple[str, bytes]], compression: int = 0) -> Path:
    with zipfile.ZipFile(place / "m.keras", "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return place / "m.keras"


def whole_members(place: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(Handmade().keras(place / "whole.keras")) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def encrypted(place: Path) -> Path:
    path = Handmade().keras(place / "m.keras")
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(b"model.weights.h5"))
    data[at + 8] |= 1
    path.write_bytes(data)
    return path


def ended_name(path: Path) -> Path:
    """zipfile reads such a name up to its zero byte."""
    path.write_bytes(path.read_bytes().replace(b"#.exe", b"\0.exe"))
    return path


def lying_size(place: Path) -> Path:
    """A member whose content is longer than it says."""
    path = raw_zip(place, whole_members(place), zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(b"config.json"))
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    path.write_bytes(data)
    return path


def spoilt(**weights):
    """A .keras file whose HDF5 part is spoilt."""
    return lambda place: Handmade().keras(place / "m.keras", **weights)


def replaced(file, path: str, **arguments) -> None:
    del file[path]
    file.create_dataset(path, **arguments)


KERNEL = "layers/conv2d/vars/0"
SHAPE = (5, 5, 3, 32)


def virtual(file) -> None:
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", SHAPE)
    del file[KERNEL]
    file.create_virtual_dataset(KERNEL, layout)


def linked(link):
    def spoil(file):
        del file[KERNEL]
        file[KERNEL] = link

    return spoil


def nested_groups(file) -> None:
    file.create_group("/".join("abcdefghijkl"))


def endless_groups(file) -> None:
    file["layers/again"] = file["layers"]


def many_groups(file) -> None:
    for number in range(2500):
        file.create_group(f"many/{number}")


def endless_heap(place: Path) -> Path:
    """A heap of texts in which HDF5 would go round for ever: free space of no size."""
    path = Handmade().h5(place / "m.h5")
    data = bytearray(path.read_bytes())
    heap = data.find(b"GCOL")
    first = 16 + -(-struct.unpack("<Q", data[heap + 24 : heap + 32])[0] // 8) * 8
    data[heap + 16 + first : heap + 32 + first] = bytes(16)
    path.write_bytes(data)
    return path


def great_heap(place: Path) -> Path:
    return Handmade().h5(place / "m.h5", config=b"{" + b" " * (5 << 20) + b"}")


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def changed(network="notebook-v2", *, name: str, **settings):
    """A file in which one layer is set otherwise."""
    return lambda place: Handmade(network).set(name, **settings).keras(place / "m.keras")


def model(change, network="notebook-v2", **how):
    """A file of a model that is changed as a whole."""

    def make(place):
        made = Handmade(network, **how)
        change(made)
        return made.keras(place / "m.keras")

    return make


def rejoin(name: str, *sources: str):
    return lambda made: made.entry(name).update(inbound_nodes=[made._joined(list(sources))])


def used_twice(made) -> None:
    made.entry("dropout")["inbound_nodes"] *= 2


def called_in_training(made) -> None:
    made.entry("dropout")["inbound_nodes"][0]["kwargs"]["training"] = True


def two_inputs(made) -> None:
    made.insert("dropout", "InputLayer", "other", batch_shape=[None, 4])
    made.entry("other")["inbound_nodes"] = []
    rejoin("dense_1", "dropout")(made)


def idle(made) -> None:
    made.insert("dropout", "Dense", "idle", units=3, activation="relu")
    rejoin("dense_1", "dropout")(made)


def weights_become(name, variable, change):
    def apply(made):
        made.arrays[name][variable] = change(made.arrays[name][variable])

    return model(apply)


def first_nan(values):
    values.flat[0] = np.nan
    return values


def fifo(place: Path) -> Path:
    os.mkfifo(place / "m.h5")
    return place / "m.h5"


def written(place: Path, name: str, data: bytes) -> Path:
    (place / name).write_bytes(data)
    return place / name


def weights_alone(place: Path) -> Path:
    Handmade().weights(place / "m.weights.h5")
    return place / "m.weights.h5"


def subclassed(place: Path) -> Path:
    return Handmade().keras(place / "m.keras", config=b'{"class_name": "MyModel", "config": {}}')


DEEP, DEEPER = (b'{"a":' * depth + b"1" + b"}" * depth for depth in (900, 150_000))
BAD = {
    # name: (what makes the file, what the message says)
    "code in a Lambda, .keras": (lambda p: with_lambda(p, "keras3", {}).keras(p / "m.keras"), "Lambda layer: it holds"),
    "code in a Lambda, .h5": (lambda p: with_lambda(p, "keras3-h5", {}).h5(p / "m.h5"), "Lambda layer: it holds"),
    "code in a Lambda, Keras 2": (lambda p: with_lambda(p, "keras2", {}).h5(p / "m.h5"), "Lambda layer: it holds"),
    "code in an activation": (
        lambda p: (
            Handmade()
            .set("conv2d", activation={"class_name": "__lambda__", "config": {"code": code(p)}})
            .keras(p / "m.keras")
        ),
        "activation __lambda__",
    ),
    "a custom object": (custom, "custom object 'evil>Conv2D'"),
    "a function of one's own": (
        changed(name="conv2d", activation={"class_name": "function", "config": "mine", "registered_name": "mine"}),
        "activation mine, an object",
    ),
    "a pickle": (lambda p: written(p, "m.keras", b"\x80\x04cos\nsystem\n(S'touch RAN'\ntR."), "no file of Keras"),
    "a subclassed model": (subclassed, "the model is a MyModel"),
    "other filters": (changed(name="conv2d_1", filters=96), r"layer 5 \(conv2d_1\) has 96 filters.*64 filters"),
    "another kernel": (changed(name="conv2d", kernel_size=[7, 7]), "kernel_size 7×7"),
    "another padding": (changed(name="conv2d", padding="same"), "padding same"),
    "another activation": (changed(name="conv2d", activation="gelu"), "activation gelu"),
    "other strides": (changed(name="conv2d", strides=[2, 2]), "strides 2×2"),
    "dilated": (changed(name="conv2d", dilation_rate=[2, 2]), "dilation_rate 2×2"),
    "channels first": (changed(name="conv2d", data_format="channels_first"), "data_format channels_first"),
    "no bias": (changed(name="dense", use_bias=False), "use_bias False"),
    "another pool": (changed(name="max_pooling2d", pool_size=[3, 3]), "pool_size 3×3"),
    "another epsilon": (changed(name="batch_normalization", epsilon=1e-5), "epsilon 1e-05"),
    "another axis": (changed(name="batch_normalization", axis=1), "axis 1"),
    "no offset": (changed(name="batch_normalization", center=False), "center False"),
    "an unknown setting": (changed(name="dense", twist=2), "twist 2"),
    "whole numbers": (changed(name="dense", dtype={"config": {"name": "int8_from_float32"}}), "computes with int8"),
    "another hidden layer": (changed(name="dense", units=300), "300 units"),
    "another end": (changed(name="dense_1", activation="sigmoid"), "activation sigmoid"),
    "rms": (changed("notebook-v5", name="layer_normalization", rms_scaling=True), "rms_scaling True"),
    "a further layer": (
        model(lambda m: m.insert("dense", "Dense", "more", units=9)),
        "layer 12 .* is a Dense; expected a Glo",
    ),
    "a turned photo": (model(lambda m: m.insert("input_layer", "RandomFlip", "flip")), "flip.* is a RandomFlip"),
    "scaling inside": (model(lambda m: m.insert("max_pooling2d", "Rescaling", "r", scale=2.0)), "is a Rescaling"),
    "scaling of nothing known": (
        model(lambda m: m.insert("input_layer", "Rescaling", "r", scale=1.0)),
        "multiplies by 1",
    ),
    "scaling downwards": (
        model(lambda m: m.insert("input_layer", "Rescaling", "r", scale=-0.003)),
        "multiplies by -0.0",
    ),
    "scaling by words": (model(lambda m: m.insert("input_layer", "Rescaling", "r", scale="x")), "has the scale x"),
    "a layer used twice": (model(used_twice), "is used 2 times"),
    "called as in training": (model(called_in_training), "called with training=True"),
    "two inputs": (model(two_inputs), "has 2 inputs"),
    "a layer that leads nowhere": (model(idle), "does not lead to the output"),
    "a shortcut from elsewhere": (
        model(rejoin("conv2d_6", "max_pooling2d"), "notebook-v4"),
        "joined otherwise|has 128 filters|is a",
    ),
    "a ring": (model(rejoin("conv2d", "dropout")), "joined otherwise|is a"),
    "a ring of dropouts": (model(rejoin("dropout", "dropout")), "has not one input"),
    "an unknown source": (model(rejoin("dropout", "nobody")), "malformed at nobody"),
    "one colour": (changed(name="input_layer", batch_shape=[None, 32, 32, 1]), "photos of 1 channels"),
    "no photo": (changed(name="input_layer", batch_shape=[None, 32]), "inputs of the shape"),
    "tiny photos": (changed(name="input_layer", batch_shape=[None, 8, 8, 3]), "8 pixels a side"),
    "huge photos": (changed(name="input_layer", batch_shape=[None, 10**6, 10**6, 3]), "1000000 pixels a side"),
    "too many outputs": (lambda p: Handmade(classes=30).keras(p / "m.keras"), "has 30 outputs"),
    "outputs of words": (changed(name="dense_1", units="many"), "has many outputs"),
    "a name with a path": (model(lambda m: m.set("max_pooling2d", name="../../x")), "malformed at the layer name"),
    "a name that steers": (model(lambda m: m.set("max_pooling2d", name="\x1b[2J")), "malformed at the layer name"),
    "another shape": (weights_become("conv2d", "kernel", lambda a: a[:3]), "the shape 3×5×3×32"),
    "swapped axes": (weights_become("dense", "kernel", lambda a: a.T), "the shape 256×128"),
    "not a number": (weights_become("dense", "bias", first_nan), "1 values that are not finite"),
    "whole-number weights": (weights_become("dense", "bias", lambda a: a.astype("i4")), "values of type int32"),
    "negative variances": (weights_become("batch_normalization", "moving_variance", lambda a: -a), "below 0"),
    "too great for float32": (weights_become("dense", "bias", lambda a: a.astype("f8") + 1e300), "not finite"),
    "a link to another file": (spoilt(spoil=linked(h5py.ExternalLink("/etc/passwd", "/x"))), "a link to another file"),
    "a soft link": (spoilt(spoil=linked(h5py.SoftLink("/layers/conv2d_1/vars/0"))), "a soft link"),
    "a link beside": (spoilt(spoil=lambda f: f.__setitem__("more", h5py.SoftLink("/"))), "a soft link"),
    "values in another file": (
        spoilt(spoil=lambda f: replaced(f, KERNEL, shape=SHAPE, dtype="f4", external=[("/etc/passwd", 0, 9600)])),
        "lie in another file",
    ),
    "a virtual array": (spoilt(spoil=virtual), "lie in another file"),
    "compressed": (
        spoilt(spoil=lambda f: replaced(f, KERNEL, data=np.zeros(SHAPE, "f4"), compression="gzip")),
        "compressed or cut",
    ),
    "a terabyte, in chunks": (
        spoilt(spoil=lambda f: replaced(f, KERNEL, shape=(2**38,), dtype="f4", chunks=(1024,))),
        "compressed or cut",
    ),
    "a terabyte": (spoilt(spoil=lambda f: replaced(f, KERNEL, shape=(2**38,), dtype="f4")), "the shape 274877906944"),
    "a shape without content": (
        spoilt(spoil=lambda f: replaced(f, KERNEL, shape=SHAPE, dtype="f4")),
        "not wholly in it",
    ),
    "a type of its own": (spoilt(spoil=lambda f: f.__setitem__("t", np.dtype("f4"))), "neither a group nor an array"),
    "words for numbers": (
        spoilt(spoil=lambda f: replaced(f, KERNEL, shape=SHAPE, dtype=h5py.string_dtype())),
        "values of type",
    ),
    "a further variable": (
        spoilt(spoil=lambda f: f.__setitem__("layers/conv2d/vars/2", np.zeros(3, "f4"))),
        "has the further variable",
    ),
    "groups in groups": (spoilt(spoil=nested_groups), "nested more than 8 deep"),
    "groups in a ring": (spoilt(spoil=endless_groups), "nested more than|more than 2,000"),
    "thousands of groups": (spoilt(spoil=many_groups), "more than 2,000"),
    "no weights": (spoilt(spoil=lambda f: f.clear()), "has no layers/conv2d/vars/0"),
    "an endless heap": (endless_heap, "heap of texts in it is damaged"),
    "a great heap": (great_heap, "a heap of texts in it has"),
    "a long description": (lambda p: Handmade().h5(p / "m.h5", config=b"[" + b" " * (2 << 20)), "more than 1,048,576"),
    "no description": (lambda p: Handmade().h5(p / "m.h5", config=b"{}"), "description of the model is malformed"),
    "half a description": (lambda p: Handmade().h5(p / "m.h5", config=b'{"a": '), "is not JSON"),
    "a nested description": (lambda p: Handmade().keras(p / "m.keras", config=DEEP), "nested more than 40|too deep"),
    "a description nested more": (lambda p: Handmade().keras(p / "m.keras", config=DEEPER), "too deep"),
    "NaN in JSON": (lambda p: Handmade().keras(p / "m.keras", config=b'{"a": NaN}'), "is not JSON"),
    "a list for a model": (lambda p: Handmade().keras(p / "m.keras", config=b"[]"), "no JSON object"),
    "a description in two": (
        lambda p: Handmade().h5(p / "m.h5", spoil=lambda f: f.attrs.__setitem__("model_config", ["a", "b"])),
        "not one text",
    ),
    "an .h5 cut off": (lambda p: cut(Handmade().h5(p / "m.h5"), 0.7), "cannot be read"),
    "a .keras cut off": (lambda p: cut(Handmade().keras(p / "m.keras"), 0.7), "cannot be read"),
    "only a beginning": (lambda p: cut(Handmade().h5(p / "m.h5"), 0.001), "cannot be read|no file of Keras"),
    "a zip bomb": (
        lambda p: raw_zip(p, [*whole_members(p)[:2], ("model.weights.h5", bytes(60 << 20))], zipfile.ZIP_DEFLATED),
        "would grow",
    ),
    "a long config.json": (
        lambda p: raw_zip(p, [("config.json", b" " * (2 << 20)), *whole_members(p)[::2]]),
        "would take 2,097,152",
    ),
    "a size that lies": (lying_size, "cannot be read"),
    "thousands of members": (
        lambda p: raw_zip(p, [*whole_members(p), *((f"x{n:0300}", b"") for n in range(4000))]),
        "list of its members",
    ),
    "a path out of the zip": (lambda p: raw_zip(p, [*whole_members(p), ("../../evil", b"")]), r"holds '../../evil'"),
    "an absolute path": (lambda p: raw_zip(p, [*whole_members(p), ("/etc/cron.d/x", b"")]), "holds '/etc/cron.d/x'"),
    "a name with an end in it": (
        lambda p: ended_name(raw_zip(p, [*whole_members(p)[1:], ("metadata.json#.exe", b"{}")])),
        "it holds 'metadata.json�.exe",
    ),
    "twice the same member": (lambda p: raw_zip(p, [*whole_members(p), ("config.json", b"{}")]), "config.json twice"),
    "an encrypted member": (encrypted, "is encrypted"),
    "packed unusually": (lambda p: raw_zip(p, whole_members(p), zipfile.ZIP_LZMA), "packed in an unusual way"),
    "a missing member": (lambda p: raw_zip(p, whole_members(p)[:2]), "has no model.weights.h5"),
    "a text": (lambda p: written(p, "m.h5", b"not a model"), "no file of Keras"),
    "nothing": (lambda p: written(p, "m.keras", b""), "no file of Keras"),
    "a folder": (lambda p: p, "is a folder"),
    "a pipe": (fifo, "not a file"),
    "nowhere": (lambda p: p / "absent.keras", "cannot be opened"),
    "weights alone": (weights_alone, "weights without a description"),
}


APART = (
    "code in a Lambda, .keras",
    "a terabyte",
    "not a number",
    "an .h5 cut off",
    "a link to another file",
    "nowhere",
)


@pytest.fixture
def here(monkeypatch):
    """Read in this process: most tests need not wait for another one."""
    monkeypatch.setattr("fingerspell.lab.keras_model.weights.open_apart", open_keras)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_one_message_and_nothing_else(name, here, tmp_path):
    refuse(name, tmp_path)


@pytest.mark.parametrize("name", APART)
def test_the_same_from_the_process_that_reads(name, tmp_path):
    refuse(name, tmp_path)


def refuse(name: str, tmp_path: Path) -> None:
    make, says = BAD[name]
    file = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    started = time.perf_counter()
    result = run("import-keras", file, "--out", tmp_path / "run", "--labels", LABELS)
    assert isinstance(result.exception, FingerspellError), result.exception
    text = str(result.exception)
    assert re.search(says, text.replace("\n", " ")), text
    assert text.isprintable()
    assert len(text) < 700
    assert result.exception.expected
    assert sorted(tmp_path.rglob("*")) == before  # no run, and no RAN
    assert time.perf_counter() - started < 15  # none goes round for ever


def test_the_lambda_of_these_tests_would_run(tmp_path):
    eval(marshal.loads(base64.b64decode(code(tmp_path)))).close()
    assert (tmp_path / "RAN").exists()


@pytest.mark.parametrize("name", ["a terabyte", "a terabyte, in chunks", "a zip bomb", "a great heap"])
def test_what_claims_much_is_refused_at_once(name, tmp_path):
    file = BAD[name][0](tmp_path)
    script = (
        "from pathlib import Path\nfrom fingerspell.lab.keras_model.file import open_keras\n"
        f"with open_keras(Path({str(file)!r})) as f: f.read('layers/conv2d/vars/0', (5, 5, 3, 32), 'x')"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))\n"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", limit + script], capture_output=True, text=True, env=environment)
    assert "DataError" in done.stderr.splitlines()[-1], done.stderr
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 2


def test_the_command_itself_shows_no_traceback(tmp_path):
    file = custom(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "fingerspell.cli.main", "import-keras", file, "--out", tmp_path / "run"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line.partition(":")[0].strip() for line in done.stderr.splitlines()] == ["error", "expected", "hint"]


def test_a_run_that_is_there_stays(tmp_path):
    file = Handmade().keras(tmp_path / "m.keras")
    assert bring(file).exit_code == 0
    before = (tmp_path / "run" / "run.json").read_bytes()
    result = bring(file)
    assert "already holds a run" in str(result.exception)
    assert (tmp_path / "run" / "run.json").read_bytes() == before


WHOLE = {
    "Keras 3": ("keras3", False, "keras"),
    "Keras 3, a chain": ("keras3", True, "keras"),
    "Keras 3, .h5": ("keras3-h5", False, "h5"),
    "Keras 2": ("keras2", False, "h5"),
    "Keras 2, a chain": ("keras2", True, "h5"),
}


@pytest.mark.parametrize("how", WHOLE)
@pytest.mark.parametrize("network", ["notebook-v1", "notebook-v3", "notebook-v4", "notebook-v5"])
def test_every_layout_gives_the_same_weights(how, network, here, tmp_path):
    style, sequential, kind = WHOLE[how]
    if sequential and network in ("notebook-v4", "notebook-v5"):
        return
    made = Handmade(network, style=style, sequential=sequential)
    file = getattr(made, kind)(tmp_path / f"m.{kind}")
    assert bring(file).exit_code == 0, bring(file).exception
    model = Model.load(tmp_path / "run" / "weights.safetensors")
    first = dict(model.net.named_parameters())
    name = next(key for key in first if first[key].ndim == 4)
    np.testing.assert_array_equal(first[name].detach().numpy(), made.arrays["conv2d"]["kernel"].transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(model.net.output.bias.detach().numpy(), made.arrays["dense_1"]["bias"])
    assert model.labels == tuple(LABELS.split(","))
    assert (model.preprocess.filter, model.preprocess.upright, model.preprocess.fit) == ("nearest", False, "stretch")


def test_what_is_unknown_is_recorded_as_unknown(tmp_path):
    file = Handmade().keras(tmp_path / "m.keras")
    result = bring(file)
    state = RunFolder.open(tmp_path / "run").read_state()
    assert state["status"] == "imported"
    assert [state[key] for key in ("recipe", "data", "split", "best", "epochs_done", "seconds")] == [None] * 6
    assert state["imported"]["file"] == "m.keras"
    assert state["imported"]["learnt_from"] == "not known"
    assert str(tmp_path) not in json.dumps(state)
    assert "divided by 255 is assumed" in result.stderr
    assert result.stdout.split() == [str(tmp_path / "run")]
    assert sorted(place.name for place in (tmp_path / "run").iterdir()) == ["run.json", "weights.safetensors"]


@pytest.mark.parametrize(
    ("scale", "offset", "mean", "std"),
    [
        (1 / 255, 0.0, (0, 0, 0), (1, 1, 1)),
        (1 / 127.5, -1.0, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ([1 / 255, 1 / 127.5, 1 / 51], [0.0, -1.0, -0.5], (0, 0.5, 0.1), (1, 0.5, 0.2)),
    ],
)
def test_scaling_becomes_preprocessing(scale, offset, mean, std, here, tmp_path):
    made = Handmade().insert("input_layer", "Rescaling", "rescaling", scale=scale, offset=offset)
    assert bring(made.keras(tmp_path / "m.keras")).exit_code == 0
    spec = Model.load(tmp_path / "run" / "weights.safetensors").preprocess
    np.testing.assert_allclose(spec.mean, mean, atol=1e-12)
    np.testing.assert_allclose(spec.std, std, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.set("dropout", rate=0.1), "dropout rate: Dropout 0.1 after layer 13"),
        (lambda m: m.set("conv2d", kernel_regularizer=None), "L2 of the kernel: 0.0 in layer 2 (conv2d), 0.001 in"),
        (lambda m: m.set("batch_normalization", momentum=0.9), "momentum: 0.9 in layer 3"),
        (lambda m: m.set("conv2d", dtype={"config": {"name": "mixed_float16"}}), "precision: mixed_float16"),
        (lambda m: m.arrays["dense"].update(bias=m.arrays["dense"]["bias"].astype("f8")), "weights of type float64"),
        (lambda m: m.arrays["dense"].update(bias=m.arrays["dense"]["bias"].astype(">f2")), "weights of type float16"),
    ],
)
def test_what_matters_in_training_only_is_noted(change, says, here, tmp_path):
    made = Handmade()
    change(made)
    result = bring(made.keras(tmp_path / "m.keras"))
    assert result.exit_code == 0, result.exception
    assert says in result.stderr
    assert any(says in note for note in RunFolder.open(tmp_path / "run").read_state()["imported"]["notes"])


def test_weights_alone_need_the_network_and_the_size(here, tmp_path):
    made = Handmade("notebook-v4")
    made.weights(tmp_path / "m.weights.h5")
    assert bring(tmp_path / "m.weights.h5", "--network", "notebook-v4", "--size", 32).exit_code == 0
    net = Model.load(tmp_path / "run" / "weights.safetensors").net
    np.testing.assert_array_equal(
        net.blocks[2].shortcut.weight.detach().numpy(), made.arrays["conv2d_6"]["kernel"].transpose(3, 2, 0, 1)
    )
    wrong = run(
        "import-keras", tmp_path / "m.weights.h5", "--out", tmp_path / "x", "--network", "notebook-v5", "--size", 32
    )
    assert "too few" in str(wrong.exception)
    less = run(
        "import-keras", tmp_path / "m.weights.h5", "--out", tmp_path / "x", "--network", "notebook-v3", "--size", 32
    )
    assert isinstance(less.exception, FingerspellError)
    unknown = run("import-keras", tmp_path / "m.weights.h5", "--out", tmp_path / "x", "--network", "v4", "--size", 32)
    assert "notebook-v4" in str(unknown.exception)
    assert not (tmp_path / "x").exists()


def test_weights_alone_may_list_the_shortcut_first(here, tmp_path):
    """Where it stands beside its block's two convolutions depends on how the model was written."""

    def shortcut_first(file):
        for old, new in (("6", "x"), ("5", "6"), ("4", "5"), ("x", "4")):
            file.move(f"layers/conv2d_{old}", f"layers/conv2d_{new}")

    made = Handmade("notebook-v4")
    made.weights(tmp_path / "m.weights.h5", spoil=shortcut_first)
    assert bring(tmp_path / "m.weights.h5", "--network", "notebook-v4", "--size", 32).exit_code == 0
    block = Model.load(tmp_path / "run" / "weights.safetensors").net.blocks[2]
    for layer, name in ((block.conv1, "conv2d_4"), (block.conv2, "conv2d_5"), (block.shortcut, "conv2d_6")):
        np.testing.assert_array_equal(layer.weight.detach().numpy(), made.arrays[name]["kernel"].transpose(3, 2, 0, 1))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--labels", "A,B,J"], "4 outputs, and there are 3 labels"),
        (["--labels", "A,B,J,J"], "4 labels were given for 4 outputs"),
        (["--labels", "A,B,J,Ä"], "unknown label 'Ä'"),
        ([], "nothing says what they stand for"),
        (["--labels", LABELS, "--size", 64], "--size 64 was given for a model of 32"),
        (["--labels", LABELS, "--network", "notebook-v3"], "as notebook-v3 has"),
        (["--labels", LABELS, "--data", "absent"], "does not exist"),
    ],
)
def test_wrong_arguments_are_explained(arguments, says, here, tmp_path):
    file = Handmade().keras(tmp_path / "m.keras")
    result = run("import-keras", file, "--out", tmp_path / "run", *arguments)
    assert isinstance(result.exception, FingerspellError)
    assert says in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_labels_are_in_the_order_in_which_keras_counts_folders(tmp_path, photo_folder):
    """Keras sorts names as they are written: capitals first, so a folder `b` comes after `nothing`'s `N`."""
    folder = photo_folder({"A": 6, "B": 6, "J": 6, "del": 6})
    (folder / "B").rename(folder / "b")
    file = Handmade().keras(tmp_path / "m.keras")
    result = run("import-keras", file, "--out", tmp_path / "run", "--data", folder)
    assert result.exit_code == 0, result.exception
    assert Model.load(tmp_path / "run" / "weights.safetensors").labels == ("A", "J", "B", "del")
    state = RunFolder.open(tmp_path / "run").read_state()
    assert state["split"]["strategy"] == "keras"
    assert state["split"]["counts"] == {"train": 20, "val": 4}


def test_with_29_outputs_the_order_is_assumed_and_said(tmp_path):
    file = Handmade(classes=29).keras(tmp_path / "m.keras")
    result = run("import-keras", file, "--out", tmp_path / "run")
    assert result.exit_code == 0
    assert Model.load(tmp_path / "run" / "weights.safetensors").labels[-4:] == ("Z", "del", "nothing", "space")
    assert "assumed to be the notebook's folders in Keras's order" in result.stderr


def test_an_imported_run_is_not_gone_on_with(tmp_path):
    bring(Handmade().keras(tmp_path / "m.keras"))
    result = run("train", "--resume", tmp_path / "run")
    assert "was imported" in str(result.exception)
