"""Options of `evaluate` and `export` that say how the recogniser is made as sure as it is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CalibrateOption = Annotated[
    bool | None,
    typer.Option(
        "--calibrate/--no-calibrate",
        help="Make it as sure as it is right, by its validation photos; by default where there are enough.",
        show_default=False,
    ),
]
CalibrateOnOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR",
        help="Further labelled photos to calibrate on, never learnt from nor judged by. May be given several times.",
        show_default=False,
    ),
]
SureRightOption = Annotated[
    float | None,
    typer.Option(
        min=0.5,
        max=0.999,
        metavar="SHARE",
        help="Share of right answers, where it is calibrated, from which on an answer counts as sure; else 0.97.",
        show_default=False,
    ),
]
CalibrateLikeOption = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="A run trained alike that left out the people of --calibrate-on: it is calibrated in this one's place.",
        show_default=False,
    ),
]
