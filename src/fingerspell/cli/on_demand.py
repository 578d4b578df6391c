"""Commands that are imported when they are called, so that `--help` and every other command need not wait for them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from fingerspell.cli import light_help, plain_values
from fingerspell.cli.verbs import Group, Verb

_FLOOR = "fingerspell.cli"


class _Loading(Mapping[str, Any]):
    """Commands by name, each imported when it is first taken out."""

    def __init__(self, verbs: Mapping[str, Verb | Group]) -> None:
        self._verbs = verbs
        self._loaded: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._verbs)

    def __len__(self) -> int:
        return len(self._verbs)

    def __contains__(self, name: object) -> bool:
        return name in self._verbs

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _loaded(name, self._verbs[name])
        return self._loaded[name]

    def get(self, name: str, default: Any = None) -> Any:
        """As of any mapping; but what a module raises while it is imported is not taken for a name that is unknown."""
        return self[name] if name in self._verbs else default

    def listed(self) -> dict[str, Any]:
        """What a list of them needs: their names and lines. Imports nothing."""
        return {name: TyperCommand(name, help=verb.line) for name, verb in self._verbs.items()}


class OnDemand(TyperGroup):
    """A group whose commands are imported when they are called.

    Args:
        verbs: its commands; takes the place of `commands`.
        settings: as of any group of Typer.
    """

    def __init__(self, verbs: Mapping[str, Verb | Group], **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast("Any", _Loading(verbs))

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the table's order."""
        return list(self.commands)

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options."""
        return _spared(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The text of `--help`, as Typer writes it for a group whose commands are all there."""
        light_help.load()
        shown = copy.copy(self)
        shown.commands = cast("_Loading", self.commands).listed()
        TyperGroup.format_help(shown, ctx, formatter)


class _Command(TyperCommand):
    """A command that loads as little as a group does."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _spared(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        light_help.load()
        super().format_help(ctx, formatter)


def _spared(parameters: list[Any]) -> list[Any]:
    plain_values.spare(parameters)
    return parameters


def _loaded(name: str, verb: Verb | Group) -> Any:
    if isinstance(verb, Group):
        return OnDemand(verb.verbs, name=name, help=verb.line, no_args_is_help=True, rich_markup_mode="rich")
    module, _, function = verb.place.partition(":")
    alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False, rich_markup_mode="rich")
    alone.command(name, cls=_Command)(getattr(import_module(f"{_FLOOR}.{module}"), function))
    return typer.main.get_command(alone)
