"""The stand-in's client script and its calls; the script itself runs in tests/browser/test_opentok.py."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import requests

from tests.vonage import LegacyProject, StandIn, faults
from tests.vonage.callers import new_session

SECRET_CLAIMS = {"ist": "project", "scope": "session.connect"}


def call(url: str, what: str, /, **said: Any) -> requests.Response:
    headers = {"Content-Type": "text/plain", "Origin": "http://127.0.0.1:8000"}
    return requests.post(f"{url}/client/{what}", json.dumps(said), headers=headers, timeout=5)


def token(legacy: StandIn, session_id: str, role: str = "publisher", data: str = "Ann") -> str:
    now = int(time.time())
    said = SECRET_CLAIMS | {"iss": legacy.project.identifier, "iat": now, "exp": now + 60, "session_id": session_id}
    said |= {"role": role, "connection_data": data}
    assert isinstance(legacy.project, LegacyProject)
    return jwt.encode(said, legacy.project.secret, algorithm="HS256")


def connect(legacy: StandIn, session_id: str, **of_token: str) -> tuple[str, str]:
    """Come in as a browser does; return the connection's secret and its id."""
    said = {"key": legacy.project.identifier, "session": session_id, "token": token(legacy, session_id, **of_token)}
    answer = call(legacy.url, "connect", **said).json()
    return answer["secret"], answer["connection"]["id"]


def test_script_is_there_for_pages_of_any_origin(legacy: StandIn) -> None:
    answer = requests.get(f"{legacy.url}/client/opentok.js", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "RTCPeerConnection(" not in answer.text
    legacy.fail("GET /client/opentok.js", faults.status(503))
    assert requests.get(f"{legacy.url}/client/opentok.js", timeout=5).status_code == 503


def test_people_see_each_other_and_callbacks_leave(legacy: StandIn) -> None:
    session_id = new_session(legacy)
    (ann, ann_id), (ben, ben_id) = connect(legacy, session_id), connect(legacy, session_id, data="Ben")
    stream = call(legacy.url, "publish", secret=ann, name="", kind="custom", audio=True, video=False).json()["stream"]
    seen = call(legacy.url, "poll", secret=ben).json()
    assert [one["data"] for one in seen["connections"]] == ["Ann", "Ben"]
    assert seen["streams"] == [stream]
    assert (stream["connection"], stream["audio"], stream["video"]) == (ann_id, True, False)

    call(legacy.url, "change", secret=ann, stream=stream["id"], audio=False, video=True)
    (changed,) = call(legacy.url, "poll", secret=ben).json()["streams"]
    assert (changed["audio"], changed["video"]) == (False, True)
    legacy.disconnect(ann_id, "networkDisconnected")
    seen = call(legacy.url, "poll", secret=ben).json()
    assert seen["gone"] == {ann_id: "networkDisconnected"}
    assert call(legacy.url, "poll", secret=ann).json() == {"ended": "networkDisconnected"}
    call(legacy.url, "disconnect", secret=ben)
    ends = [one.document["connection"]["id"] for one in legacy.callbacks_of("connectionDestroyed")]
    assert ends == [ann_id, ben_id]


def test_nobody_comes_in_with_a_bad_token_or_acts_for_another(legacy: StandIn) -> None:
    session_id = new_session(legacy)
    key, good = legacy.project.identifier, token(legacy, session_id)
    assert call(legacy.url, "connect", key=key, session=session_id, token=good + "x").status_code == 403
    assert call(legacy.url, "connect", key="1", session=session_id, token=good).status_code == 403
    assert call(legacy.url, "connect", key=key, session=new_session(legacy), token=good).status_code == 403
    (ann, _), (ben, _), (sub, _) = (
        connect(legacy, session_id, role=role) for role in ("publisher",) * 2 + ("subscriber",)
    )
    sent = {"name": "", "kind": "custom", "audio": True, "video": True}
    stream = call(legacy.url, "publish", secret=ann, **sent).json()["stream"]["id"]
    assert call(legacy.url, "unpublish", secret=ben, stream=stream).status_code == 403
    assert call(legacy.url, "publish", secret=sub, **sent).status_code == 403
    assert call(legacy.url, "poll", secret="guessed").status_code == 403
    assert call(legacy.url, "poll", wrong="x").status_code == 400
    assert call(legacy.url, "explode").status_code == 404


def test_forced_mute_is_told_until_the_client_speaks_again(legacy: StandIn) -> None:
    session_id = new_session(legacy)
    ann, _ = connect(legacy, session_id)
    sent = {"name": "", "kind": "custom", "audio": True, "video": True}
    stream = call(legacy.url, "publish", secret=ann, **sent).json()["stream"]["id"]
    legacy.state.stream(stream).is_muted = True
    (told,) = call(legacy.url, "poll", secret=ann).json()["streams"]
    assert (told["isMuted"], told["audio"]) == (True, False)
    for audio in (False, True):
        call(legacy.url, "change", secret=ann, stream=stream, audio=audio, video=True)
    (told,) = call(legacy.url, "poll", secret=ann).json()["streams"]
    assert (told["isMuted"], told["audio"]) == (False, True)
