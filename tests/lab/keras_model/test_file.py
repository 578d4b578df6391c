"""Files of Keras, read: what is in them, damage of every kind, and a reader that hangs or dies."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

h5py = pytest.importorskip("h5py")
sys.path.insert(0, str(Path(__file__).parent))

from handmade_keras import Handmade  # noqa: E402

from fingerspell.core.errors import DataError  # noqa: E402
from fingerspell.lab.keras_model import apart  # noqa: E402
from fingerspell.lab.keras_model import file as keras_file  # noqa: E402
from fingerspell.lab.keras_model.apart import open_apart  # noqa: E402
from fingerspell.lab.keras_model.file import open_keras, shown  # noqa: E402
from fingerspell.lab.keras_model.graph import graph_of  # noqa: E402
from fingerspell.lab.keras_model.match import matched  # noqa: E402
from fingerspell.lab.keras_model.plans import PLANS  # noqa: E402

KERNEL = "layers/conv2d/vars/0"


@pytest.fixture
def file(tmp_path):
    return Handmade().keras(tmp_path / "m.keras")


@pytest.mark.parametrize("how", [open_keras, open_apart])
def test_the_same_is_read_here_and_apart(how, file):
    made = Handmade()
    with how(file) as opened:
        assert (opened.kind, opened.keras_version, opened.config) == ("keras", "3.15.1", made.config())
        assert opened.shapes[KERNEL] == (5, 5, 3, 32)
        values = opened.read(KERNEL, (5, 5, 3, 32), "kernel")
        np.testing.assert_array_equal(values, made.arrays["conv2d"]["kernel"])
        with pytest.raises(DataError, match="has the shape 5×5×3×32; expected 5×5×3"):
            opened.read(KERNEL, (5, 5, 3), "kernel")
        with pytest.raises(DataError, match="has no nothing"):
            opened.read("layers/nothing", (1,), "nothing")
        bias = opened.read("layers/conv2d/vars/1", (32,), "bias")  # goes on after a refusal
        np.testing.assert_array_equal(bias, made.arrays["conv2d"]["bias"])


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
def test_other_floats_are_read_as_they_are(dtype, tmp_path):
    made = Handmade()
    made.arrays["conv2d"]["kernel"] = made.arrays["conv2d"]["kernel"].astype(dtype)
    with open_apart(made.keras(tmp_path / "m.keras")) as opened:
        values = opened.read(KERNEL, (5, 5, 3, 32), "kernel")
    assert values.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(values, made.arrays["conv2d"]["kernel"])


def test_a_single_number_is_read(tmp_path):
    with open_apart(Handmade("notebook-v5").keras(tmp_path / "m.keras")) as opened:
        gamma = opened.read("layers/spatial_self_attention/vars/0", (), "gamma")
    assert gamma.shape == ()


@pytest.mark.parametrize("name", ["MAX_FILE", "MAX_CONFIG", "MAX_OBJECTS", "MAX_DEPTH", "MAX_NESTED", "MAX_ZIP_READ"])
def test_every_limit_is_one(name, file, monkeypatch):
    with open_keras(file):
        pass
    monkeypatch.setattr(keras_file, name, 3)
    monkeypatch.setitem(keras_file._MEMBERS, "config.json", min(keras_file.MAX_CONFIG, 2**20))
    with pytest.raises(DataError), open_keras(file):
        pass


def test_a_text_in_a_heap_is_limited(tmp_path, monkeypatch):
    path = Handmade().h5(tmp_path / "m.h5")
    monkeypatch.setattr(keras_file, "MAX_HEAP", 1000)
    with pytest.raises(DataError, match="a heap of texts in it has"), open_keras(path):
        pass
    monkeypatch.undo()
    monkeypatch.setattr(keras_file, "MAX_CONFIG", 1000)
    with pytest.raises(DataError, match="more than 1,000 characters"), open_keras(path):
        pass


FUZZ = """
import random, sys
from pathlib import Path
from fingerspell.core.errors import DataError
from fingerspell.lab.keras_model.file import open_keras
path, count = Path(sys.argv[1]), int(sys.argv[2])
data, draw = path.read_bytes(), random.Random(5)
whole = 0
for _ in range(count):
    damaged = bytearray(data)
    for _ in range(draw.choice([1, 2, 8])):
        damaged[draw.randrange(min(len(data), 16000))] = draw.choice([0, 255, draw.randrange(256)])
    if draw.random() < 0.1:
        damaged = damaged[: draw.randrange(len(data))]
    path.write_bytes(damaged)
    try:
        with open_keras(path) as file:
            for name, shape in file.shapes.items():
                file.read(name, shape, name)
        whole += 1
    except DataError:
        pass
print(whole)
"""


@pytest.mark.parametrize("kind", ["h5", "keras"])
def test_random_damage_is_an_error_of_ours(kind, tmp_path):
    path = getattr(Handmade(), kind)(tmp_path / f"m.{kind}")
    done = subprocess.run([sys.executable, "-c", FUZZ, path, "150"], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert 0 <= int(done.stdout) < 150


def _damaged(value, draw):
    """The description with one thing in it replaced, removed or doubled."""
    value = copy.deepcopy(value)
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw.choice(keys)
        inner = place[key]
        if isinstance(inner, dict | list) and inner and draw.random() < 0.9:
            place = inner
            continue
        if draw.random() < 0.2:
            del place[key]
        else:
            place[key] = draw.choice([None, True, -1, 0, 3.5, 10**400, "x", "", [], {}, [[]], [None], {"a": {}}])
        return value


@pytest.mark.parametrize("how", [("notebook-v4", "keras3", False), ("notebook-v3", "keras2", True)])
def test_a_damaged_description_is_an_error_of_ours(how):
    network, style, sequential = how
    config, draw = Handmade(network, style=style, sequential=sequential).config(), random.Random(3)
    for _ in range(600):
        damaged = _damaged(config, draw)
        try:
            matched(graph_of(damaged))
        except DataError as error:
            assert str(error).isprintable()
            assert len(str(error)) < 600


@pytest.mark.parametrize(
    "serve",
    [
        "import os; os.abort()",
        "import time; time.sleep(60)",
        "print('no json', flush=True)",
        "print('[]', flush=True)",
        "print('{}', flush=True)",
        "print('[' * 100000, flush=True)",
        "import sys; sys.stdout.write('x' * 20_000_000)",
        """print('{"kind": "h5", "config": {}, "keras_version": "", "shapes": {"a": 3}}', flush=True)""",
    ],
)
def test_a_reader_that_fails_is_an_error_of_ours(serve, file, monkeypatch):
    monkeypatch.setattr(apart, "_SERVE", serve)
    monkeypatch.setattr(apart, "WALL_SECONDS", 1.5)
    started = time.perf_counter()
    with pytest.raises(DataError, match="HDF5 failed in it"), open_apart(file):
        pass
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize(
    "answer", ["""{"dtype": "O"}""", """{"dtype": "<f4"}""", """{"dtype": ["<f4"]}""", """{"error": ["a", "b", "c"]}"""]
)
def test_numbers_that_do_not_come_are_an_error_of_ours(answer, file, monkeypatch):
    first = """print('{"kind": "h5", "config": {}, "keras_version": "", "shapes": {}}', flush=True); """
    monkeypatch.setattr(apart, "_SERVE", first + f"input(); print({answer!r}, flush=True)")
    with open_apart(file) as opened, pytest.raises(DataError):
        opened.read("x", (5,), "x")


def test_the_reader_has_little_time_and_memory(file, monkeypatch):
    pytest.importorskip("resource")
    limits = "import json, resource as r; import fingerspell.lab.keras_model.apart as k; k._limit(); "
    told = "print(json.dumps({'error': [f'{r.getrlimit(r.RLIMIT_CPU)} {r.getrlimit(r.RLIMIT_AS)}', '', '']}))"
    monkeypatch.setattr(apart, "_SERVE", limits + told)
    with pytest.raises(DataError, match=r"\(30, 30\) \(4294967296, 4294967296\)"), open_apart(file):
        pass


def test_no_module_of_the_folder_we_stand_in_is_run(file, tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("raise SystemExit('run')")
    (tmp_path / "json.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    with open_apart(file) as opened:
        assert opened.kind == "keras"


def test_what_is_shown_cannot_steer_a_terminal():
    assert shown("a\x1b[2Jb\n") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}"
    assert len(shown("x" * 1000)) == 60


@pytest.mark.parametrize("network", PLANS)
def test_every_plan_matches_itself_alone(network):
    graph = graph_of(Handmade(network).config())
    assert matched(graph).network == network
    for other in PLANS:
        if other != network:
            with pytest.raises(DataError, match=other):
                matched(graph, other)


def test_a_sum_may_be_written_either_way_round():
    made = Handmade("notebook-v5")
    for name in ("add", "add_1", "add_2"):
        made.entry(name)["inbound_nodes"][0]["args"][0].reverse()
    match = matched(graph_of(made.config()))
    assert (match.network, match.notes) == ("notebook-v5", {})


def test_two_networks_differ_by_what_is_named():
    config = json.loads(json.dumps(Handmade("notebook-v3").set("conv2d", kernel_size=[5, 5]).config()))
    with pytest.raises(
        DataError, match=r"layer 2 \(conv2d\) has kernel_size 5×5; expected kernel_size 3×3, as notebook-v3"
    ):
        matched(graph_of(config))
