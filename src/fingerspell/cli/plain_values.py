"""Values of the command line that need no conversion, so that nothing is loaded to convert them.

Newer versions of Typer build a pydantic validator for each option, also for one that was not given: importing pydantic
and building them was a quarter of the time to the first answer of `predict`. Text, lists of text, absent values and
defaults are what the command asks for already. Everything else, and every other version of Typer, goes Typer's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def spare(parameters: Iterable[Any]) -> None:
    """Let Typer's parameters take values that are right already as they are. Those that were spared stay so."""
    for parameter in parameters:
        if hasattr(parameter, "type_descriptor") and "process_value" not in vars(parameter):
            parameter.process_value = _sparing(parameter, parameter.process_value)


def _sparing(parameter: Any, convert: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    about = parameter.type_descriptor
    kind = about.annotation
    many = parameter.nargs != 1 or parameter.multiple
    parsed = about.parameter_info.parser is not None

    def process_value(ctx: Any, value: Any) -> Any:
        if parsed or (parameter.required and not value):  # what is missing is Typer's to say
            return convert(ctx, value)
        if kind == list[str] and isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
            value = list(value)
        elif many or not (value is None or (kind in (str, int, float, bool) and type(value) is kind)):
            return convert(ctx, value)
        return value if parameter.callback is None else parameter.callback(ctx, parameter, value)

    return process_value
