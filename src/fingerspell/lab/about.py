"""What only the maker of a recogniser can say of it, in a TOML file: who signs, from where, what it is not for.

who_signs = "Two people: …"
licence = "CC-BY-4.0"
not_for = ["Interpreting ASL: …"]

[[sources]]
name = "rooms"
where_from = "github.com/…, the folder train/"
licence = "Apache-2.0"
photos = 5800
people = "one"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from fingerspell.core.errors import DataError, known_names

_LARGEST = 256 << 10  # bytes: a page of words has a few thousand

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LearntSource(_Strict):
    """Photos that the recogniser learnt from.

    Attributes:
        name: short.
        where_from: where they were got.
        licence: under which.
        photos: how many there are.
        people: who signs in them, in words, or how many.
    """

    name: Words
    where_from: Words
    licence: Words
    photos: Annotated[int, Field(ge=1)]
    people: Words | Annotated[int, Field(ge=0)]


class About(_Strict):
    """The maker's words for a card. All may be left out.

    Attributes:
        who_signs: in the photos that it learnt from.
        licence: under which the bundle is given on.
        not_for: uses that it is not made for, a sentence each.
        sources: of the photos that it learnt from.
    """

    who_signs: Words | None = None
    licence: Words | None = None
    not_for: list[Words] = Field(default_factory=list)
    sources: list[LearntSource] = Field(default_factory=list)


def read_about(path: Path) -> About:
    """Read such a file.

    Raises:
        DataError: it cannot be read, is not TOML, or says something that a card has no place for.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise DataError(f"{path} is longer than {_LARGEST >> 10} KiB", expected="a TOML file with a few sentences")
        values = tomllib.loads(data.decode("utf-8"))
    except (OSError, ValueError) as error:  # TOML and UTF-8 errors are ValueErrors
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"{path} cannot be read: {reason}", expected="a TOML file", remedy="see 'fingerspell export --help'"
        ) from error
    try:
        return About.model_validate(values)
    except ValidationError as error:
        raise _plain(path, error.errors()[0]) from error


def _plain(path: Path, error: Any) -> DataError:
    where = [str(part) for part in error["loc"]]
    key = ".".join(where)
    model: type[BaseModel] = LearntSource if where[0] == "sources" and len(where) > 1 else About
    if error["type"] == "extra_forbidden":
        expected, remedy = known_names("key", where[-1], model.model_fields)
        return DataError(f"{path} has an unknown key '{key}'", expected=expected, remedy=remedy)
    if error["type"] == "missing":
        return DataError(f"{path} lacks '{key}'", expected="a value for it")
    return DataError(f"{path}: {key} is {_shown(error.get('input'))}", expected=error["msg"].lower())


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
