"""The control API: other processes drive the stand-in with JSON under `/__stand_in/`, from this machine alone.

`GET state | callbacks | requests`; `POST` a command with its arguments as an object, answered with `{"result": …}`:
the methods of `StandIn` by name (`{"session_id": "1_…", "data": "Ann"}` to `connect`), and for `fail` and `treat`

    {"pattern": "POST /session/create", "fault": "status", "arguments": {"code": 429, "retry_after": 7}, "times": 2}
    {"event": "connectionCreated", "manner": {"signature": "wrong", "copies": 2}, "times": null}

400 says what is wrong with a command, 404 and the like what it could not be done to.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.vonage import faults
from tests.vonage.auth import TokenRefused
from tests.vonage.callbacks import Manner
from tests.vonage.refusals import Refused, invalid, not_found
from tests.vonage.wire import JSON, Answer, Request

if TYPE_CHECKING:
    from tests.vonage.stand_in import StandIn

PREFIX = "/__stand_in/"
SECRETS = frozenset({"secretKey", "accountKey"})


class Control:
    """Answers the control API."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.views: Mapping[str, Callable[[], Any]] = {
            "state": self._state,
            "callbacks": lambda: [callback.summary() for callback in stand_in.callbacks],
            "requests": self._requests,
        }
        self.commands: Mapping[str, Callable[..., Any]] = {
            "connect": stand_in.connect,
            "publish": stand_in.publish,
            "unpublish": stand_in.unpublish,
            "disconnect": stand_in.disconnect,
            "destroy_session": stand_in.destroy_session,
            "rotate_server": stand_in.rotate_server,
            "stop_archive": stand_in.stop_archive,
            "finish_archive": stand_in.finish_archive,
            "token_claims": stand_in.token_claims,
            "register": stand_in.register,
            "treat": self._treat,
            "hold": stand_in.hold,
            "release": stand_in.release,
            "settle": stand_in.settle,
            "resend": stand_in.resend,
            "fail": self._fail,
            "heal": stand_in.heal,
        }

    def answer(self, request: Request) -> Answer:
        """Carry a command out, or show what there is."""
        try:
            if not ipaddress.ip_address(request.peer).is_loopback:
                raise Refused(403, "Only from this machine.")
            name = request.path.removeprefix(PREFIX)
            if request.method == "GET":
                return Answer.of(_found(self.views, name)())
            command = _found(self.commands, name)
            return Answer.of({"result": command(**_arguments(request))})
        except Refused as refused:
            return Answer.of({"message": refused.message}, refused.status)
        except (TypeError, ValueError, TokenRefused) as error:
            return Answer.of({"message": str(error)}, 400)
        except TimeoutError as error:
            return Answer.of({"message": str(error)}, 504)

    def _fail(
        self,
        pattern: str,
        fault: str,
        arguments: Mapping[str, Any] | None = None,
        times: int | None = 1,
        *,
        carried_out: bool = False,
    ) -> None:
        self.stand_in.fail(pattern, faults.named(fault, arguments or {}, carried_out=carried_out), times)

    def _treat(self, event: str, manner: Mapping[str, Any], times: int | None = 1) -> None:
        self.stand_in.treat(event, Manner(**manner), times)

    def _state(self) -> dict[str, Any]:
        stand_in = self.stand_in
        with stand_in.state.lock:
            storage = stand_in.storage and {
                **stand_in.storage,
                "config": {name: v for name, v in stand_in.storage["config"].items() if name not in SECRETS},
            }
            return {
                "url": stand_in.url,
                "project": stand_in.project.identifier,
                "sessions": [dataclasses.asdict(session) for session in stand_in.sessions.values()],
                "archives": [dataclasses.asdict(archive) for archive in stand_in.archives.values()],
                "storage": storage,
            }

    def _requests(self) -> list[dict[str, Any]]:
        return [
            {
                "method": one.method,
                "path": one.path,
                "query": one.query,
                "body": one.body.decode("utf-8", "replace"),
                "status": one.status,
            }
            for one in list(self.stand_in.requests)
        ]


def _found(known: Mapping[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
    if name not in known:
        raise not_found(f"There is {', '.join(known)}.")
    return known[name]


def _arguments(request: Request) -> dict[str, Any]:
    """Read the arguments; a content type that no form of a foreign page can have keeps those out."""
    if request.media_type != JSON:
        raise invalid("Send application/json.")
    said = request.json() if request.body else {}
    if not isinstance(said, dict):
        raise invalid("Send an object.")
    return said
