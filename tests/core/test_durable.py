"""Files are whole or not there; digests and JSON have one spelling."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fingerspell.core import durable
from fingerspell.core.errors import DataError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced_and_nothing_else_stays(tmp_path):
    path = tmp_path / "new" / "folder" / "x.json"
    durable.write_json(path, {"b": 1, "a": "é"})
    assert path.read_text(encoding="utf-8") == '{\n  "b": 1,\n  "a": "é"\n}\n'
    durable.write_bytes(path, b"[]")
    assert durable.read_json(path, what="a list") == []
    assert names(path.parent) == ["x.json"]


def test_a_full_disk_leaves_the_old_content(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DataError, match="No space left") as raised:
        durable.write_with(path, fail)
    assert raised.value.remedy
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_an_interrupted_write_leaves_the_old_content(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        durable.write_with(path, fail)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_a_killed_write_leaves_the_old_content(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    program = (
        "import os, signal, sys; from pathlib import Path; from fingerspell.core.durable import write_with\n"
        "def write(file): file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_with(Path(sys.argv[1]), write)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == -9
    assert path.read_bytes() == b"old"


def test_a_folder_that_is_a_file_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="could not be written"):
        durable.write_json(tmp_path / "file" / "x.json", {})
    with pytest.raises(DataError, match="could not be written"):
        durable.write_json(tmp_path, {})  # a folder where the file should be
    assert names(tmp_path) == ["file"]
    assert not [path for path in tmp_path.parent.iterdir() if path.name.endswith(".tmp")]


def test_nan_is_no_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        durable.write_json(tmp_path / "x", float("nan"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"not json"])
def test_damaged_json_is_an_error_that_names_what_it_should_be(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="it is not JSON") as raised:
        durable.read_json(path, what="a split")
    assert raised.value.expected == "a split"


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        durable.read_json(tmp_path / "x.json", what="a split")


def test_digests_do_not_depend_on_the_order_of_keys():
    one, other = {"a": 1, "b": [1.5, None]}, {"b": [1.5, None], "a": 1}
    assert durable.digest_of(one) == durable.digest_of(other)
    assert durable.digest_of(one) != durable.digest_of({"a": 1, "b": [1.5, 0]})
    assert durable.canonical_json({"b": "é", "a": (1, 2)}) == '{"a":[1,2],"b":"é"}'.encode()
    # golden: digests are stored in files, so their spelling may never change
    assert durable.digest_of(one) == "993a7a2ceb877d40fc4b026f38d1b9d56ea47505ed09b616e4ac8f06d00883b0"


def test_digest_of_a_file(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert durable.digest_of_file(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_names_that_are_no_utf8_survive_json(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    durable.write_json(tmp_path / "x.json", {"folder": name})
    assert durable.read_json(tmp_path / "x.json", what="it")["folder"] == name
    assert json.loads(durable.canonical_json([name])) == [name]
    assert durable.digest_of(name) != durable.digest_of("café")
