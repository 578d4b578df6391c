"""The golden file that the page's TypeScript is held to is what Python answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "golden"))

from make_finding import FILE, PARTS, golden, streams


def test_a_hand_is_followed_and_cut_out_as_it_is_written_down():
    assert json.loads(FILE.read_text()) == json.loads(json.dumps(golden())), "run tests/golden/make_finding.py"


def test_what_is_written_down_has_something_to_say():
    made = {stream["name"]: stream["answers"] for stream in json.loads(FILE.read_text())["streams"]}
    assert set(made) == set(streams())
    jumps = {name: sum(answer[4] for answer in answers) for name, answers in made.items()}
    assert jumps["a hand that rests"] == jumps["a stroke to and fro"] == 0
    assert jumps["a hand that jumps"] == jumps["a surer hand elsewhere"] == 1
    assert jumps["a hardly surer hand elsewhere"] == 0
    assert all(answer[1] is None for answer in made["a hand too faint to begin with"])
    assert any(None in answer[0][1:] for answer in made["a hand that rests"]), "it looks round"
    assert len(PARTS) > 8
