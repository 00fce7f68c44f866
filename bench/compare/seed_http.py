"""Makes 1,000 meetings through our service's own HTTP interface, like those of seed_peer.sql.

    seed_http.py URL >IDSFILE

Source env.sh first. Prints what load.py reads: link, session id, archive id.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MEETINGS = 1000
ATTENDEES = {1: 10, 2: 1000}  # of the first two meetings
ATTENDEES_ELSE = 5
LEAVES = 5  # every fifth of them


class Service:
    """Posts JSON over one connection for each thread."""

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url)
        token = Path(__file__).with_name("token.js")
        bearer = subprocess.run(["node", token], check=True, capture_output=True, text=True).stdout.strip()
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
        self.local = threading.local()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        # No body where none is asked for: a server may answer before it comes, and then closes the connection.
        if not hasattr(self.local, "connection"):
            self.local.connection = HTTPConnection(self.address.netloc, timeout=60)
        self.local.connection.request("POST", path, json.dumps(body) if body else None, self.headers)
        answer = self.local.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise SystemExit(f"POST {path} answered {answer.status}: {text[:300]}")
        return json.loads(text or "null")


def make_meeting(service: Service, number: int) -> str:
    """Make one meeting with its attendees and a stopped archive; return the line of the ids file."""
    link = service.post("/session", {"isScheduled": False})["code"]
    session = service.post(f"/session/{link}/token")["sessionId"]
    for person in range(1, ATTENDEES.get(number, ATTENDEES_ELSE) + 1):
        attend(service, session, f"{number}-{person}", leaves=person % LEAVES == 0)
    archive = service.post(f"/session/{link}/archives")["metaData"]["id"]
    service.post(f"/archives/{archive}/stop")
    return f"{link}\t{session}\t{archive}"


def attend(service: Service, session: str, person: str, *, leaves: bool) -> None:
    now = int(time.time() * 1000)
    event = {
        "sessionId": session,
        "projectId": os.environ["VONAGE_API_KEY"],
        "event": "connectionCreated",
        "timestamp": now,
        "connection": {"id": f"c-{person}", "createdAt": now, "data": f"user-{person}"},
    }
    service.post("/webhooks/session", event)
    if leaves:
        service.post("/webhooks/session", {**event, "event": "connectionDestroyed", "reason": "clientDisconnected"})


def main(url: str) -> None:
    service = Service(url)
    with ThreadPoolExecutor(8) as pool:
        for line in pool.map(lambda number: make_meeting(service, number), range(1, MEETINGS + 1)):
            print(line)


if __name__ == "__main__":
    main(sys.argv[1])
