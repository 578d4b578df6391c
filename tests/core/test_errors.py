"""Errors say what was found, what was expected and what to do."""

import pytest

from fingerspell.core import errors
from fingerspell.core.errors import DataError, FingerspellError, MissingExtraError, known_names


def test_an_error_says_all_three():
    error = DataError("x is a file", expected="a folder", remedy="give its parent")
    assert str(error) == "x is a file; expected a folder (hint: give its parent)"
    assert (error.found, error.expected, error.remedy) == ("x is a file", "a folder", "give its parent")
    assert str(DataError("x is a file")) == "x is a file"


@pytest.mark.parametrize("name", ["PhotoError", "DataError", "RecipeError", "TrainingError", "BundleError"])
def test_one_tree_with_one_exit_code(name):
    kind = getattr(errors, name)
    assert issubclass(kind, FingerspellError)
    assert kind("x").exit_code == 2


def test_a_missing_part_names_what_to_install():
    error = MissingExtraError("torch", "lab")
    assert isinstance(error, FingerspellError)
    assert "torch" in error.found
    assert "pip install 'fingerspell[lab]'" in error.remedy


@pytest.mark.parametrize(
    ("name", "near"), [("blok", "block"), ("BLOCK", "block"), ("anna", "Anna"), ("rndom", "random")]
)
def test_the_nearest_known_name_is_suggested_whatever_its_case(name, near):
    expected, remedy = known_names("split", name, ["random", "Anna", "block"])
    assert expected == "one of: Anna, block, random"
    assert remedy == f"did you mean '{near}'?"


def test_without_a_near_name_the_list_is_the_hint():
    assert known_names("split", "qqqqq", ["random"])[1] == "choose a split from the list"
