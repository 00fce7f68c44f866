"""The storage target of archives: `PUT` and `DELETE`, and nothing to read it back with."""

from __future__ import annotations

from typing import Any

from tests.vonage import documents
from tests.vonage.refusals import Refused, invalid
from tests.vonage.wire import JSON, Request

CONFIGS = {
    "s3": {"accessKey": str, "secretKey": str, "bucket": str, "endpoint": str, "sse": str},
    "azure": {"accountName": str, "accountKey": str, "container": str, "domain": str},
}
REQUIRED = {"s3": ("accessKey", "secretKey", "bucket"), "azure": ("accountName", "accountKey", "container")}
UNREADABLE = "Is not one of the valid setmay not be emptyInput parameter may not be null"


def read_target(request: Request) -> dict[str, Any]:
    """Return `{type, config, fallback}`; a 400 with Vonage's own words (opentok-node#226) if one of them is missing."""
    if request.media_type != JSON:
        raise invalid("The body must be JSON, and be called application/json.")
    try:
        said = request.json()
    except (ValueError, RecursionError) as error:
        raise invalid("Invalid JSON") from error
    is_whole = isinstance(said, dict) and said.get("type") in CONFIGS and isinstance(said.get("config"), dict)
    if not is_whole or said.get("fallback") not in ("none", "opentok"):
        raise Refused(400, UNREADABLE)
    target = documents.check(said, {"type": str, "config": dict, "fallback": str})
    kind = target["type"]
    config = documents.check(target["config"], CONFIGS[kind], "config.")
    for name in REQUIRED[kind]:
        if not config.get(name):
            raise invalid(f"Invalid config.{name}: may not be empty.")
    documents.one_of(config, "sse", ("s3", "none"))
    if not config.get("endpoint", "https://").startswith(("http://", "https://")):
        raise invalid("Invalid config.endpoint: must be scheme and host.")
    return target
