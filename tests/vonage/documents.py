"""Reading JSON bodies the strict way: known names, right types, nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tests.vonage.refusals import invalid
from tests.vonage.wire import JSON, Request

Types = Mapping[str, type | tuple[type, ...]]


def read(request: Request, types: Types) -> dict[str, Any]:
    """Return a body with these properties at most; `null` counts as left out. Raises a 400."""
    if request.media_type != JSON:
        raise invalid("The body must be JSON, and be called application/json.")
    try:
        said = request.json()
    except (ValueError, RecursionError) as error:
        raise invalid("Invalid JSON") from error
    return check(said, types)


def check(said: Any, types: Types, where: str = "") -> dict[str, Any]:
    """Return an object with these properties at most, without its nulls. Raises a 400."""
    if not isinstance(said, dict):
        raise invalid(f"{where or 'The body'} must be an object.")
    if unknown := sorted(said.keys() - types.keys()):
        raise invalid(f"Unknown property: {where}{', '.join(unknown)}.")
    found = {name: value for name, value in said.items() if value is not None}
    for name, value in found.items():
        wanted = types[name]
        is_bool_by_mistake = isinstance(value, bool) and wanted is not bool
        if is_bool_by_mistake or not isinstance(value, wanted):
            raise invalid(f"Invalid {where}{name}.")
    return found


def one_of(found: Mapping[str, Any], name: str, allowed: Collection[str]) -> None:
    """Raise a 400 if a property is there and has none of the values allowed."""
    if name in found and found[name] not in allowed:
        raise invalid(f"Invalid {name}: must be one of {', '.join(sorted(allowed))}.")


def within(found: Mapping[str, Any], name: str, least: int, most: int) -> None:
    """Raise a 400 if a property is there and out of range."""
    if name in found and not least <= found[name] <= most:
        raise invalid(f"Invalid {name}: must be {least} to {most}.")


def texts(found: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of texts, empty if it is not there. Raises a 400."""
    values = found.get(name, [])
    if not all(isinstance(value, str) for value in values):
        raise invalid(f"Invalid {name}: must be a list of texts.")
    return list(values)
