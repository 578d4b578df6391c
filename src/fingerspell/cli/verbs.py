"""The verbs of the command line: of each its name, its line in `--help`, and where it is. Imports none of them.

The lines are the first paragraph of each command's own text, said twice so that `--help` needs to load no command; a
test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Verb(NamedTuple):
    """A command: `module:function`, the module below `fingerspell.cli`, and its line in the list of verbs."""

    place: str
    line: str


class Group(NamedTuple):
    """Verbs below a verb, and its line in the list of verbs."""

    verbs: Mapping[str, Verb]
    line: str


DATA = {
    "audit": Verb(
        "data:audit_command",
        "Look for what spoils training or its score: damaged files, copies, leaks between splits. Changes no photo.",
    ),
    "split": Verb(
        "split:split_command", "Split a folder of photos into train, val and test. The folder is not changed."
    ),
    "synth": Verb(
        "synth:synth_command",
        "Render photos of hands that sign the alphabet. The same seed gives the same bytes; killed, it goes on.",
    ),
    "sheet": Verb(
        "sheet:sheet_command",
        "Draw a contact sheet: a row a class, and for each folder a group of columns with its name above.",
    ),
}
SITE = {
    "build": Verb(
        "site:build_command",
        "Write the page, the model and its card as files that any static host can serve, below any address.",
    )
}
FINDER = {
    "train": Verb(
        "finder:train_command",
        "Learn to find hands in frames that are composed of cut-out hands, drawn rooms and people.",
    ),
    "add": Verb(
        "finder:add_command", "Put a finder into a copy of a bundle: predict and camera then find the hand themselves."
    ),
}
VERBS: dict[str, Verb | Group] = {
    "train": Verb("train:train_command", "Train a network on a folder of photos, or go on with a run."),
    "evaluate": Verb("evaluate:evaluate_command", "Score a run on photos it has not seen, and write a report."),
    "compare": Verb(
        "evaluate:compare_command", "Show several runs side by side, with what the original notebook recorded."
    ),
    "export": Verb(
        "export:export_command",
        "Write a run's best weights as a bundle, if the exported graph agrees with the network.",
    ),
    "adapt": Verb("adapt:adapt_command", "Adapt a recogniser to your own hand, with about five photos of each letter."),
    "predict": Verb(
        "predict:predict_command", "Name the letter that each photo shows, and spell what each video shows."
    ),
    "camera": Verb("camera:camera_command", "Spell what a hand shows to a camera."),
    "live": Verb("live:live_command", "Open the page in the browser, and answer HTTP."),
    "reproduce": Verb(
        "reproduce:reproduce_command",
        "Train the notebook's five networks, and show their curves beside those it recorded.",
    ),
    "import-keras": Verb(
        "import_keras:import_keras_command",
        "Bring over one of the notebook's five networks from a file that Keras 2 or 3 wrote.",
    ),
    "demo": Verb(
        "demo:demo_command",
        "Audit, split, train, report, save, and name photos it never saw. Killed, it goes on where it stopped.",
    ),
    "nets": Verb("about:nets_command", "List the networks: parameters, multiply-adds and input of each."),
    "doctor": Verb(
        "about:doctor_command",
        "Check this installation: versions, parts, machine, devices, disk. Exit code 2 if something needs care.",
    ),
    "data": Group(DATA, "Look at a folder of photos, split or draw it, without changing it; or render one."),
    "site": Group(SITE, "The page as a site of plain files."),
    "finder": Group(FINDER, "Find the hand in a whole frame: train a finder, put it into a bundle."),
}
