"""The 29 labels, their order, and the names of folders."""

import pytest

from fingerspell.core.alphabet import LABELS, MOTION_LETTERS, SPECIAL_SIGNS, canonical_label, in_order


def test_the_labels_are_in_the_order_in_which_keras_sorts_the_folders():
    assert len(LABELS) == 29
    assert list(LABELS) == sorted(LABELS)
    assert LABELS[:3] == ("A", "B", "C")
    assert LABELS[-3:] == SPECIAL_SIGNS == ("del", "nothing", "space")
    assert {"J", "Z"} == MOTION_LETTERS


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("A", "A"),
        ("a", "A"),
        (" z ", "Z"),
        ("Del", "del"),
        ("DELETE", "del"),
        ("backspace", "del"),
        ("SPACE", "space"),
        ("BlankSpace", "space"),
        ("Nothing", "nothing"),
        ("blank", "nothing"),
        ("none", "nothing"),
        ("empty", "nothing"),
    ],
)
def test_folder_names_stand_for_labels(name, label):
    assert canonical_label(name) == label


@pytest.mark.parametrize("name", ["", "AA", "1", "hello", "Ä", "asl_alphabet_train", "a b"])
def test_other_names_stand_for_none(name):
    assert canonical_label(name) is None


def test_every_label_stands_for_itself():
    assert [canonical_label(label) for label in LABELS] == list(LABELS)


def test_labels_are_put_in_order_and_unknown_ones_dropped():
    assert in_order({"space", "B", "A", "?"}) == ("A", "B", "space")
