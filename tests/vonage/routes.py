"""Which method and path asks for what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.vonage.wire import Answer

Call = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path under `/v2/project/{id}`; its segments in braces are handed on decoded."""

    method: str
    path: re.Pattern[str]
    call: Call
    is_storage: bool = False


def route(method: str, path: str, call: Call, *, is_storage: bool = False) -> Route:
    """Return a route; `path` begins after the project and has `{names}` for segments."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile("/v2/project/(?P<identifier>[^/]+)" + pattern), call, is_storage)
