"""Who a connection is, carried in its connection data: the one text that Vonage gives back with its events.

A token's `data` travels as it is. Where a token also says who its bearer is (`extId`, a guest's browser), the data
is JSON: `{"name": "Ann", "videoconf": "ext:ann-7"}`. Data that would read like that is wrapped in it, so that a name
that somebody typed can never pose as an identity.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

MARK = "videoconf"
KINDS = ("ext:", "guest:")
LONGEST = len("ext:") + 255
"""Characters of an identity that a token of ours can have; others may have minted one for the same session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """What connection data says: the name, and who it is (`ext:…`, `guest:…`, or empty)."""

    name: str
    identity: str = ""

    @property
    def ext_id(self) -> str | None:
        """The external id, if that is what it is known by."""
        return self.identity.removeprefix("ext:") if self.identity.startswith("ext:") else None


def pack(name: str, identity: str) -> str:
    """Return the connection data of a token."""
    is_known = identity.startswith(KINDS)
    if not is_known and not _is_packed(name):
        return name
    return json.dumps({"name": name, MARK: identity if is_known else ""}, ensure_ascii=False, separators=(",", ":"))


def unpack(data: str) -> Bearer:
    """Read connection data back."""
    packed = _packed(data)
    if packed is None:
        return Bearer(name=data)
    identity = packed[MARK]
    is_known = identity.startswith(KINDS) and len(identity) <= LONGEST
    return Bearer(name=packed["name"], identity=identity if is_known else "")


def _is_packed(data: str) -> bool:
    return _packed(data) is not None


def _packed(data: str) -> dict[str, str] | None:
    if not data.startswith("{"):
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    is_ours = isinstance(value, dict) and set(value) == {"name", MARK}
    return value if is_ours and all(isinstance(text, str) for text in value.values()) else None
