"""Make the pictures of docs/notebook.md from the figures in records/: `make notebook-pictures`, a few seconds."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fingerspell.lab.figures import LIGHT

HERE = Path(__file__).parent
SPLITS = {"v2-random": "held out at random", "v2-keras": "Keras's validation_split", "v2-block": "whole stretches"}
STEPS = {
    "v1-block": "v1",
    "v2-block": "v2 as run",
    "v2-intended": "v2 as meant",
    "v3-block": "v3",
    "v4-block": "v4",
    "v5-block": "v5",
}
SOURCES = {"own": "same signer, held-out stretches", "wall": "wall", "rooms": "rooms", "clips": "clips", "desk": "desk"}
CHANCE = 1 / 29


def newest() -> dict[str, Any]:
    """The figures recorded last."""
    files = sorted((HERE.parent / "records").glob("*-notebook-numbers.json"))
    found: dict[str, Any] = json.loads(files[-1].read_text())
    return found


def prepared(axes: Axes) -> None:
    """One look for both figures."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=LIGHT.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.axhline(CHANCE, color=LIGHT.faint, linestyle=":", linewidth=1.2)


def by_distance(found: Mapping[str, Any], path: Path) -> None:
    """How often v2 names a held-out photo right, by its distance in time to what was learnt."""
    figure = Figure(figsize=(8, 4.2), dpi=160, layout="constrained")
    axes = figure.subplots()
    prepared(axes)
    ranges = sorted({(row["from"], row["to"]) for rows in found["by_distance"].values() for row in rows})
    for (name, label), colour, mark in zip(SPLITS.items(), LIGHT.series, "osD", strict=False):
        rows = found["by_distance"][name]
        places = [ranges.index((row["from"], row["to"])) for row in rows]
        axes.plot(places, [row["right"] for row in rows], marker=mark, color=colour, label=label)
    others = [run[source] for run in found["results"]["v2-block"] for source in SOURCES if source != "own"]
    beyond = len(ranges)
    middle = statistics.fmean(others)
    axes.errorbar(
        [beyond],
        [middle],
        yerr=[[middle - min(others)], [max(others) - middle]],
        color=LIGHT.series[3],
        marker="X",
        markersize=9,
        capsize=4,
        linestyle="none",
        label="four other collections: mean and range",
    )
    axes.set_xticks(range(beyond + 1), [*(f"{low}–{high}" for low, high in ranges), "somebody\nelse"])
    axes.set_xlabel("frames between a photo and the nearest one of its class that was learnt from")
    axes.set_ylabel("photos named right")
    axes.text(-0.3, CHANCE + 0.015, "chance", color=LIGHT.ink, fontsize=8)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 0.08))
    figure.savefig(path)


def five_steps(found: Mapping[str, Any], path: Path) -> None:
    """Each network under its own recipe: the same signer, and other people."""
    figure = Figure(figsize=(8, 4.2), dpi=160, layout="constrained")
    axes = figure.subplots()
    prepared(axes)
    for place, (name, _) in enumerate(STEPS.items()):
        runs: Sequence[Mapping[str, float]] = found["results"][name]
        for number, (source, label) in enumerate(SOURCES.items()):
            values = [run[source] for run in runs]
            at = place + 0.13 * (number - 2)
            axes.plot([at] * len(values), values, "o", color=LIGHT.series[number], alpha=0.45, markersize=5)
            axes.plot([at - 0.05, at + 0.05], [statistics.fmean(values)] * 2, color=LIGHT.series[number], linewidth=2.4)
            if place == 0:
                axes.plot([], [], "o-", color=LIGHT.series[number], label=label)
    axes.set_xticks(range(len(STEPS)), list(STEPS.values()))
    axes.set_ylabel("photos named right")
    axes.text(-0.45, CHANCE + 0.012, "chance", color=LIGHT.ink, fontsize=8)
    axes.legend(frameon=False, loc="upper center", ncols=5, bbox_to_anchor=(0.5, 1.13), columnspacing=1.2)
    figure.savefig(path)


def main() -> None:
    """Read the newest figures, draw both pictures."""
    found = newest()
    by_distance(found, HERE / "notebook-distance.png")
    five_steps(found, HERE / "notebook-steps.png")


if __name__ == "__main__":
    main()
