"""Run the stand-in alone: `python -m tests.vonage --port 8090 --callback-url http://127.0.0.1:8000/webhooks/session`.

One kind of account: `--key` and `--secret` (the default), or `--application-id` and `--private-key` (a PEM file, made
if it is not there). Ends with SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from tests.vonage import Application, LegacyProject, Project, StandIn, new_private_key
from tests.vonage.callbacks import Kind

KEY, SECRET = "47318661", "0123456789abcdef0123456789abcdef01234567"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    found = argparse.ArgumentParser(prog="python -m tests.vonage", description="A stand-in for Vonage Video.")
    found.add_argument("--host", default="127.0.0.1")
    found.add_argument("--port", type=int, default=8090, help="0: a free one")
    found.add_argument("--key", default=KEY, help="of a legacy project")
    found.add_argument("--secret", default=SECRET, help="of a legacy project")
    found.add_argument("--application-id", default="", help="an application instead of a legacy project")
    found.add_argument("--private-key", type=Path, help="the application's PEM file")
    found.add_argument("--api-secret", default="", help="takes `Basic id:secret` for storage calls too")
    found.add_argument("--callback-url", default="", help="of session monitoring; of archives too, if they have none")
    found.add_argument("--callback-secret", default="", help="signs session monitoring")
    found.add_argument("--archive-callback-url", default="")
    found.add_argument("--archive-callback-secret", default="", help="the same as the other one if left out")
    found.add_argument("--retry-scale", type=float, default=1.0, help="0.01: retries after 50 ms instead of 5 s")
    found.add_argument("--senders", type=int, default=1, help="callbacks sent at a time")
    found.add_argument("--lingers", type=float, default=60.0, help="seconds until an archive of an empty room ends")
    found.add_argument("--finishes-after", type=float, default=2.0, help="seconds from stopped to available")
    found.add_argument("--quiet", action="store_true", help="no line per call")
    return found


def project_of(given: argparse.Namespace) -> Project:
    """Return the project that the command line asks for, making its key if there is none."""
    if not given.application_id:
        return LegacyProject(given.key, given.secret)
    if given.private_key is None:
        sys.exit("--application-id needs --private-key FILE (it is made if it is not there).")
    path: Path = given.private_key
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(new_private_key())
    return Application(given.application_id, path.read_text(), api_secret=given.api_secret)


def options_of(given: argparse.Namespace, url: str) -> dict[str, Any]:
    """Return the provider's OPTIONS that fit, to be copied into settings."""
    if given.application_id:
        return {"API_URL": url, "APPLICATION_ID": given.application_id, "PRIVATE_KEY": str(given.private_key)}
    return {"API_URL": url, "API_KEY": given.key, "API_SECRET": given.secret}


def log(line: str) -> None:
    """Write a line per call."""
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Serve until a signal comes."""
    given = parser().parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    stand_in = StandIn(
        project_of(given),
        host=given.host,
        port=given.port,
        retry_scale=given.retry_scale,
        senders=given.senders,
        lingers=given.lingers,
        finishes_after=given.finishes_after,
        log=None if given.quiet else log,
    )
    stand_in.register(Kind.SESSION, given.callback_url, given.callback_secret)
    archive_secret = given.archive_callback_secret or given.callback_secret
    stand_in.register(Kind.ARCHIVE, given.archive_callback_url or given.callback_url, archive_secret)
    try:
        stand_in.start()
    except OSError as error:
        sys.exit(f"--port: {given.port} on {given.host} can't be had ({error.strerror}).")
    sys.stdout.write(f"Vonage stand-in: {stand_in.url}\nOPTIONS = {json.dumps(options_of(given, stand_in.url))}\n")
    sys.stdout.flush()
    ended.wait()
    stand_in.close()


if __name__ == "__main__":
    main()
