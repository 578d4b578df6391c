"""A reproduction as one page, with its figures; the same facts as JSON, and the curves as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fingerspell.core.durable import write_bytes
from fingerspell.core.provenance import now
from fingerspell.lab import figures
from fingerspell.lab.compare import RECORDED_HELD_OUT, RECORDED_LEARNT, RECORDED_STEPS
from fingerspell.lab.page import of_hundred, percent, write_page
from fingerspell.lab.reproduce import INTENDED, Record, Reproduction
from fingerspell.lab.reproduce_rows import Epoch, Trained, trained

_WIDE_APART = 4  # steps of ours and the notebook's that differ so many times do not fit on one plain axis


def facts_of(place: Reproduction, record: Record, differs: Sequence[str]) -> dict[str, Any]:
    """All that the page says, ready for JSON.

    Args:
        place: the reproduction's folder.
        record: which networks, under which settings.
        differs: what differs from the notebook, in words.

    Raises:
        DataError: a run is damaged.
    """
    networks = [trained(place, record, name) for name in record.networks]
    rows = [its.row for its in networks if its.row is not None]
    return {
        "made": now(),
        "folder": record.folder,
        "device": record.settings.device,
        "networks": [asdict(its) for its in networks],
        "sources": list(dict.fromkeys(score.name for row in rows for score in row.others)),
        "headline": _headline(networks),
        "differences": list(differs),
        "notes": _notes(networks),
        "notebook": {"learnt": RECORDED_LEARNT, "held_out": RECORDED_HELD_OUT, "steps": RECORDED_STEPS},
    }


def _headline(networks: Sequence[Trained]) -> dict[str, Any]:
    """How many are done, and the best of them by the hardest source that there is."""
    done = [its for its in networks if its.status in ("finished", "cut off")]
    other = [
        (score.accuracy, score.name, its.name)
        for its in networks
        if its.row
        for score in its.row.others
        if score.other_collection
    ]
    own = [(its.best, "", its.name) for its in networks if its.best is not None]
    best_other, best_own = (max(found, default=None) for found in (other, own))
    return {
        "done": len(done),
        "networks": len(networks),
        "guessing": of_hundred(1 / max((its.labels for its in networks), default=0)) if best_own else "",
        "other": _told(best_other),
        "own": _told(best_own),
    }


def _told(best: tuple[float, str, str] | None) -> dict[str, str] | None:
    if best is None:
        return None
    return {"right_of_hundred": of_hundred(best[0]), "source": best[1], "network": best[2]}


def _notes(networks: Sequence[Trained]) -> list[str]:
    """What may be compared, and what not."""
    found = []
    if any(its.row is not None and its.row.split.startswith("keras") for its in networks):
        found.append(
            "Keras's split holds out the first fifth of each class by file name: further frames of the same "
            "recordings that were learnt from. Validation accuracy on it says how well the network follows this "
            "signer in this room, not how well it reads anybody else; the notebook's numbers are of the same kind."
        )
    found.append(
        f"The notebook's log is cut off after five or six epochs of each network, so its best seen is no end "
        f"result. Its epoch had {RECORDED_STEPS:,} steps, on {RECORDED_LEARNT:,} photos: where ours has fewer, the "
        "same number of epochs is much less training. The second figure of each network therefore counts steps."
    )
    found.append(
        "Curves of two runs of the same network differ by chance alone: the weights begin elsewhere, the photos "
        "come in another order. Compare the shape and the height of curves, not single epochs."
    )
    found.append(
        "Time an epoch was recorded on an RTX 4050 laptop GPU that waited for its photos; compare it with ours only "
        "together with the number of steps and the size of the photos."
    )
    without = [its.name for its in networks if its.recorded is None]
    if without:
        found.append(f"The notebook kept no record of {' and '.join(without)}: there is nothing beside our curve.")
    if INTENDED in without:
        found.append("What it recorded of v2 was trained with augmentation A, as notebook-v2 is here.")
    if all(its.row is None or not its.row.others for its in networks):
        found.append(
            "No other collection was scored, so nothing here says how the networks read other hands: add "
            "--also-score DIR to the same call."
        )
    return found


def write_results(place: Reproduction, record: Record, differs: Sequence[str]) -> dict[str, Any]:
    """Write page, curves and, into the record, the results; each atomically. Returns the facts, as in the JSON.

    Raises:
        DataError: a run is damaged, or a file cannot be written.
    """
    facts = facts_of(place, record, differs)
    write_bytes(place.curves, curves_csv(facts["networks"]).encode())
    pictures = {its["name"]: pictures_of(its) for its in facts["networks"]}
    write_page(place.page, "reproduce.html.j2", {"facts": facts, "pictures": pictures})
    record.results = facts
    place.write(record)
    return facts


def curves_csv(networks: Sequence[Mapping[str, Any]]) -> str:
    """The curves as CSV: a line an epoch, `by` is `fingerspell` or `notebook`; what does not exist is empty."""
    names = list(Epoch.__dataclass_fields__)
    target = io.StringIO()
    writer = csv.DictWriter(target, ["network", "by", *names], lineterminator="\n")
    writer.writeheader()
    for network in networks:
        for by, key in (("fingerspell", "curve"), ("notebook", "recorded_curve")):
            writer.writerows({"network": network["name"], "by": by, **epoch} for epoch in network[key])
    return target.getvalue()


def pictures_of(network: Mapping[str, Any]) -> list[figures.Picture]:
    """Accuracy by epoch, accuracy by steps, and validation loss; empty where neither we nor the notebook have any."""
    ours, theirs = network["curve"], network["recorded_curve"]
    if not ours and not theirs:
        return []
    found = []
    for key, words in (("epoch", "epoch"), ("steps", "steps taken")):
        points = [its[key] for its in (*ours, *theirs)]
        if None in points:  # an old journal without steps
            continue
        far = key == "steps" and max(points) > _WIDE_APART * min(points) and bool(ours and theirs)
        found.append(
            figures.curves(
                f"Accuracy by {'epoch' if key == 'epoch' else 'steps'}",
                _accuracies(ours, theirs, key),
                share=True,
                marks=_marks(network, key),
                x=f"{words}, each line ten times the last" if far else words,
                log_x=far,
                alt=_words(network, key),
            )
        )
    if any(its["val_loss"] is not None for its in ours):
        found.append(_loss(network))
    return found


def _line(name: str, epochs: Sequence[Mapping[str, Any]], x: str, y: str, **style: bool) -> figures.Line:
    values = [float("nan") if its[y] is None else its[y] for its in epochs]
    return figures.Line(name, [its[x] for its in epochs], values, **style)


def _accuracies(
    ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]], x: str
) -> list[figures.Line | None]:
    """Ours, the notebook's, ours on what is learnt from; None keeps a colour for what is not there."""
    return [
        _line("validation", ours, x, "val_accuracy") if ours else None,
        _line("validation, notebook", theirs, x, "val_accuracy", recorded=True) if theirs else None,
        _line("learnt from", ours, x, "train_accuracy", thin=True) if ours else None,
    ]


def _loss(network: Mapping[str, Any]) -> figures.Picture:
    ours = network["curve"]
    lines = [_line("with L2 terms, as Keras logs it", ours, "epoch", "val_loss")]
    plain = [its for its in ours if its["val_cross_entropy"] is not None]
    if any(its["val_cross_entropy"] != its["val_loss"] for its in plain):
        lines.append(_line("without them", plain, "epoch", "val_cross_entropy"))
    title = "Validation loss" if len(lines) > 1 or not plain else "Validation loss (no L2 terms)"
    last = ours[-1]
    told = " and ".join(f"{last[key]:.3f} {words}" for key, words in _LOSSES if last[key] is not None)
    alt = f"Validation loss by epoch, {network['name']}; after epoch {last['epoch']}: {told or 'not finite'}."
    return figures.curves(title, lines, share=False, marks=_marks(network, "epoch"), alt=alt)


_LOSSES = (("val_loss", "with L2 terms"), ("val_cross_entropy", "without"))


def _marks(network: Mapping[str, Any], x: str) -> list[tuple[float, str]]:
    """Where the learning rate was lowered."""
    place = {its["epoch"]: its[x] for its in network["curve"]}
    return [(place[epoch], f"{rate:.2g}") for epoch, rate in network["lowered"]]


def _words(network: Mapping[str, Any], x: str) -> str:
    best = percent(network["best"])
    recorded = network["recorded"]
    beside = f", the notebook’s best seen {percent(recorded['best_val_accuracy'])}" if recorded else ""
    return f"Accuracy of {network['name']} by {x}: best validation accuracy {best}{beside}; numbers in the table below."
