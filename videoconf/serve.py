"""`python -m videoconf.serve`: the API, the admin and the pages in production, by granian over WSGI.

What granian's own command does, and one thing more: the application is loaded once, before the workers are forked from
this process, so that they share what none of them changes. Two workers then take half of the memory.
"""

from __future__ import annotations

import argparse
import ipaddress
import multiprocessing
import sys
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from granian.constants import HTTPModes, Interfaces, RuntimeModes
from granian.server import Server

TARGET = "videoconf.wsgi:application"


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; settings that can't be used end it with one line that says why."""
    asked = options().parse_args(arguments)
    multiprocessing.set_start_method("fork", force=True)  # no other shares what is loaded
    try:
        application = load()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    server = Server(
        TARGET,
        address=asked.host,
        port=asked.port,
        interface=Interfaces.WSGI,
        workers=asked.workers,
        blocking_threads=asked.threads,
        runtime_mode=RuntimeModes.st,
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
    )
    server.serve(target_loader=lambda: application, wrap_loader=False)


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m videoconf.serve", description=__doc__)
    parser.add_argument("--host", type=_address, default="127.0.0.1", help="IP address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on (%(default)s)")
    parser.add_argument("--workers", type=_count, default=2, help="processes (%(default)s)")
    parser.add_argument("--threads", type=_count, default=3, help="requests at a time in each process (%(default)s)")
    return parser


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no IP address; 0.0.0.0 is all of IPv4") from error


def _port(text: str) -> int:
    return _between(text, 1, 65535)


def _count(text: str) -> int:
    return _between(text, 1, 1024)


def _between(text: str, least: int, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from {least} to {most}")
    return number


def load() -> Any:
    """Return the application. Nothing is connected to: a connection that two processes have would mix their words."""
    from videoconf.wsgi import application  # --help needs no settings

    return application


if __name__ == "__main__":
    main()
