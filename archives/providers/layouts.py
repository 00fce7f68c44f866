"""What may be asked of a recording's layout: `{"type": …}`, and at Vonage a style sheet or a layout for screens.

Source: Vonage's reference of archives, "layout".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meetings.exceptions import Problem, Refused

TYPES = ("bestFit", "horizontalPresentation", "verticalPresentation", "pip")
CUSTOM = "custom"


def refuse(layout: Mapping[str, Any], *, names: Sequence[str], types: Sequence[str]) -> None:
    """Refuse other properties than `names`, and another type than `types`."""
    others = sorted(layout.keys() - set(names))
    if others:
        _refuse(f"layout takes {', '.join(names)}, not {others[0][:100]!r}.", "unknown_property")
    if layout.get("type", types[0]) not in types:
        _refuse(f"layout.type must be one of {', '.join(types)}.")


def refuse_vonage(layout: Mapping[str, Any]) -> None:
    """Refuse what Vonage takes with some types only."""
    kind = layout.get("type", TYPES[0])
    stylesheet, screens = layout.get("stylesheet"), layout.get("screenshareType")
    if (kind == CUSTOM) != (isinstance(stylesheet, str) and bool(stylesheet)):
        _refuse("layout.stylesheet goes with the type custom, which needs one.")
    if screens is not None and (kind != TYPES[0] or screens not in TYPES):
        _refuse(f"layout.screenshareType goes with the type {TYPES[0]}, and must be one of {', '.join(TYPES)}.")


def _refuse(message: str, code: str = "invalid_value") -> None:
    raise Refused(message, code=code, problems=(Problem(path="layout", code=code, message=message),))
