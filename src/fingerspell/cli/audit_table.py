"""What `fingerspell data audit` prints: findings, classes, splits, and the advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from fingerspell.cli.console import out

if TYPE_CHECKING:
    from fingerspell.lab.data.audit_result import Audit

_STYLE = {"problem": "bold red", "notice": "yellow", "good": "green"}


def show_audit(audit: Audit) -> None:
    """Print an audit on stdout: readable without colour, every figure in words."""
    out().print(f"[bold]{audit.photos:,} photos, {len(audit.classes)} classes[/] in {escape(str(audit.root))}")
    for note in audit.notes:
        out().print(escape(note))
    for table in (_classes(audit), _findings(audit), _splits(audit)):
        out().print()
        out().print(table)
    out().print()
    out().print(escape(audit.recommendation.text))


def _classes(audit: Audit) -> Table:
    table = Table(title="classes", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("class", "photos", "with a twin", "runs", "longest run"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for its in audit.classes:
        figures = (its.photos, its.with_twin, its.runs, its.longest)
        table.add_row(its.label, *(f"{figure:,}" for figure in figures))
    return table


def _findings(audit: Audit) -> Table:
    table = Table(title="findings", title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("level")
    table.add_column("count", justify="right")
    table.add_column("what was found", ratio=1, overflow="fold")
    for finding in audit.findings:
        what = f"{escape(finding.title)}. {escape(finding.detail)}{_first_files(audit, finding.kind)}"
        count = f"{finding.count:,}" if finding.count else ""
        table.add_row(f"[{_STYLE[finding.level]}]{finding.level}[/]", count, what)
    return table


def _first_files(audit: Audit, kind: str) -> str:
    found = audit.file_kind(kind)
    shown = "; ".join(f"{path} ({detail})" for path, detail in found.files[:3])
    more = f"; and {found.count - 3:,} more" if found.count > 3 else ""
    return f" {escape(shown + more)}" if shown else ""


def _splits(audit: Audit) -> Table:
    from fingerspell.lab.data.crossing import percent

    title = "held-out photos with a near-duplicate in train"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("split", "train", "held out", "crossing", "share"):
        table.add_column(name, justify="left" if name == "split" else "right")
    for its in audit.splits:
        if its.problem:
            table.add_row(its.strategy, "–", "–", "–", "–")
            continue
        counts = (its.counts["train"], its.held_out, its.crossing)
        table.add_row(its.strategy, *(f"{count:,}" for count in counts), percent(its.fraction))
    return table
