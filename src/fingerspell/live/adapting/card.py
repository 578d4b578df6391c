"""The card of an adapted bundle: whose it is, how it was checked, and which of the old figures no longer hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fingerspell.core.bundle import Bundle
from fingerspell.core.provenance import now
from fingerspell.live.adapting.check import Checked

SOURCE = "own photos (held out)"
_ABOUT = (
    "The last layer was adapted to one person's own photos. These photos are not in the bundle, and nothing of them "
    "was sent anywhere."
)
_LIMIT = "It was adapted to one person: for everybody else it may be worse than the recogniser that it came from."
_BEFORE = "Measured before it was adapted to one person."


def adapted_card(
    base: Bundle,
    checked: Checked,
    counts: Mapping[str, int],
    *,
    hand: str,
    alike: Sequence[str],
    golden_changed: int,
) -> dict[str, Any]:
    """The base bundle's card, changed.

    Args:
        base: the bundle that was adapted.
        checked: before and after, on held-out photos.
        counts: photos of each label.
        hand: `right` or `left`.
        alike: labels whose photos are near-twins.
        golden_changed: of the base's golden photos, how many get another answer.
    """
    card = dict(base.card)
    first = card.pop("adapted", None)
    card["made"] = now()
    card["scores"] = [_own_score(base, checked, alike), *_earlier(card.get("scores"))]
    limits = card.get("limits")
    kept = [each for each in limits if each != _LIMIT] if isinstance(limits, list) else []
    card["limits"] = [_LIMIT, *kept]
    calibration = card.get("calibration")
    if isinstance(calibration, dict):
        card["calibration"] = {**calibration, "about": _BEFORE}
    card["adapted"] = {
        "about": _ABOUT,
        "base": {"model_sha256": base.digest(), "made": base.card.get("made"), "parity": card.pop("parity", None)},
        **({"base_was_adapted": first} if first is not None else {}),
        "photos": {label: counts[label] for label in base.labels if label in counts},
        "without_photos": [label for label in base.labels if label not in counts],
        "hand": hand,
        "held_out": {"before": checked.before.as_dict(), "after": checked.after.as_dict()},
        "near_twins": list(alike),
        "pull": checked.pull,
        "golden_changed": golden_changed,
    }
    return card


def _own_score(base: Bundle, checked: Checked, alike: Sequence[str]) -> dict[str, Any]:
    flatters = " Photos of one letter were taken at one moment, so this flatters." if alike else ""
    after = checked.after.as_dict()
    return {
        "source": SOURCE,
        "where_from": f"The person's own photos, each held back from the layer that was asked about it.{flatters}",
        "photos": after["photos"],
        "accuracy": after["accuracy"],
        "interval": after["interval"],
        "calibration_error": after["calibration_error"],
        "recall_by_label": {
            label: None if place not in checked.recall else round(checked.recall[place], 4)
            for place, label in enumerate(base.labels)
        },
    }


def _earlier(scores: Any) -> list[Any]:
    """The base's scores, each saying that it is the base's; one on own photos was on another person's."""
    found = []
    for score in scores if isinstance(scores, list) else []:
        if isinstance(score, dict) and score.get("source") != SOURCE:
            where_from = str(score.get("where_from", ""))
            said = where_from if _BEFORE in where_from else f"{where_from} {_BEFORE}".strip()
            found.append({**score, "where_from": said})
    return found
