"""`VIDEOCONF_DEMO=1`: Vonage's provider without an account; a stand-in on this machine answers, media apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from videoconf.children import end_with_parent

KEY = "47318661"
STOPS_WITHIN = 5.0  # seconds


def options(secret_key: str, port: int) -> dict[str, Any]:
    """Return the provider's options for a stand-in on `port`; its secrets follow from `SECRET_KEY`."""
    secret = salted_hmac("videoconf.demo", "project", secret=secret_key, algorithm="sha1").hexdigest()
    signature = salted_hmac("videoconf.demo", "callbacks", secret=secret_key, algorithm="sha256").hexdigest()
    address = f"http://127.0.0.1:{port}"
    return {
        "API_KEY": KEY,
        "API_SECRET": secret,
        "API_URL": address,
        "TIMEOUT": 10,
        "SESSION_SECRETS": [signature],
        "ARCHIVE_SECRETS": [signature],
        "SCRIPT_URL": f"{address}/client/opentok.js",
    }


@contextmanager
def stand_in() -> Iterator[None]:
    """Run the stand-in for Vonage, if it was asked for; it forgets everything when it ends."""
    from django.conf import settings

    if not settings.DEMO or settings.VONAGE is None:
        yield
        return
    process = _start(settings.VONAGE, f"http://127.0.0.1:{settings.PORT}/webhooks/opentok")
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(given: dict[str, Any], callbacks: str) -> subprocess.Popen[str]:
    port = given["API_URL"].rpartition(":")[2]
    arguments = {
        "--port": port,
        "--key": given["API_KEY"],
        "--secret": given["API_SECRET"],
        "--callback-secret": given["SESSION_SECRETS"][0],
        "--callback-url": callbacks,
    }
    command = [sys.executable, "-m", "tests.vonage", "--quiet", *(part for pair in arguments.items() for part in pair)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        preexec_fn=end_with_parent,
    )
    assert process.stdout is not None
    first = process.stdout.readline().strip()
    if not first.startswith("Vonage stand-in"):
        process.wait()
        raise ImproperlyConfigured(
            f"VIDEOCONF_DEMO: the stand-in for Vonage did not start on port {port}: {first or 'it said nothing'} "
            f"It takes the port after PORT; use others: make run PORT={int(port) + 1}"
        )
    return process
