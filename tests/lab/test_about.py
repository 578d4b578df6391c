"""What the maker says of a recogniser: taken as it is, or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerspell.core.errors import DataError
from fingerspell.lab.about import About, read_about

WHOLE = """
who_signs = " Two people: one with … "
licence = "CC-BY-4.0"
not_for = ["Interpreting ASL: fingerspelling is a small part of it."]

[[sources]]
name = "rooms"
where_from = "github.com/somebody/photos, train/"
licence = "Apache-2.0"
photos = 5800
people = 1

[[sources]]
name = "rendered"
where_from = "made by this package"
licence = "Apache-2.0"
photos = 8700
people = "none: computed hands"
"""


def written(place: Path, text: str | bytes) -> Path:
    path = place / "about.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_all_of_it_is_read(tmp_path):
    about = read_about(written(tmp_path, WHOLE))
    assert about.who_signs == "Two people: one with …"
    assert about.licence == "CC-BY-4.0"
    assert about.not_for == ["Interpreting ASL: fingerspelling is a small part of it."]
    assert [(source.name, source.photos, source.people) for source in about.sources] == [
        ("rooms", 5800, 1),
        ("rendered", 8700, "none: computed hands"),
    ]


def test_all_may_be_left_out(tmp_path):
    assert read_about(written(tmp_path, "")) == About()


@pytest.mark.parametrize(
    ("text", "found", "rest"),
    [
        ("who_sings = 'x'", "unknown key 'who_sings'", "did you mean 'who_signs'"),
        (
            "[[sources]]\nname='a'\nwhere='b'\nwhere_from='b'\nlicence='c'\nphotos=1\npeople='d'",
            "unknown key 'sources.0.where'",
            "did you mean 'where_from'",
        ),
        ("[[sources]]\nname = 'a'", "lacks 'sources.0.where_from'", "a value for it"),
        ("who_signs = 3", "who_signs is 3", "string"),
        ("who_signs = '  '", "who_signs is '  '", "at least 1 character"),
        ("not_for = 'x'", "not_for is 'x'", "list"),
        (
            "[[sources]]\nname='a'\nwhere_from='b'\nlicence='c'\nphotos=0\npeople='d'",
            "sources.0.photos is 0",
            "greater than or equal to 1",
        ),
        (
            "[[sources]]\nname='a'\nwhere_from='b'\nlicence='c'\nphotos=1.5\npeople='d'",
            "sources.0.photos is 1.5",
            "integer",
        ),
        (
            "[[sources]]\nname='a'\nwhere_from='b'\nlicence='c'\nphotos='5'\npeople='d'",
            "sources.0.photos is '5'",
            "integer",
        ),
        ("sources = 3", "sources is 3", "list"),
        ("who_signs = " + repr("x" * 5000), "who_signs is 'xxx", "at most 4000"),
        ("who_signs", "cannot be read", "a TOML file"),
        (b"who_signs = '\xff'", "cannot be read", "a TOML file"),
        ("#" * 300_000, "longer than 256 KiB", "a few sentences"),
    ],
)
def test_what_a_card_has_no_place_for(tmp_path, text, found, rest):
    with pytest.raises(DataError) as caught:
        read_about(written(tmp_path, text))
    assert found in caught.value.found
    assert rest in str(caught.value)
    assert len(caught.value.found) < 300


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_about(path)
