"""What `make run` executes: sets everything up, then serves from this process, with a worker beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from io import StringIO
from types import FrameType

import django
import uvicorn
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import SystemCheckError

from videoconf.children import end_with_parent

WORKER_STOPS_WITHIN = 10.0  # seconds
WORKER_RESTARTS_AFTER = 5.0  # seconds
SWEEP_EVERY = 15  # seconds
LARGEST_FRAME = 128 * 1024  # the signalling refuses from 64 KiB on, with a message


def main() -> None:
    """Serve until SIGINT or SIGTERM; a start that fails ends with one line that says why and what to do."""
    os.environ["VIDEOCONF_MAKE_RUN"] = "true"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videoconf.settings")
    signal.signal(signal.SIGTERM, interrupt)
    worker = Worker()
    try:
        django.setup()
        from django.conf import settings

        from videoconf.banner import base_url
        from videoconf.demo import stand_in
        from videoconf.one_server import only_server

        with listen(settings.HOST, settings.PORT) as listener, only_server(base_url()), stand_in():
            lines = prepare()
            worker.start()
            serve(listener, worker, lines)
    except KeyboardInterrupt:
        pass
    except (ImproperlyConfigured, SystemCheckError) as error:
        sys.exit(str(error))
    finally:
        worker.stop()
    print("\nStopped.")


def interrupt(signum: int, frame: FrameType | None) -> None:
    """Treat SIGTERM like Ctrl-C, so that the worker is stopped too."""
    raise KeyboardInterrupt


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, or say what to do if it can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except PermissionError as error:
        raise ImproperlyConfigured(f"PORT: {port} is for root. Try make run PORT=8000") from error
    except socket.gaierror as error:
        raise ImproperlyConfigured(f"HOST: {host!r} is no address of this machine.") from error
    except OSError as error:
        raise ImproperlyConfigured(
            f"PORT: {port} on {host} can't be had ({error.strerror}). Stop the program that has it, or use "
            f"another: make run PORT={port + 1}"
        ) from error
    return listener


def prepare() -> list[str]:
    """Bring the database and the static files up to date; return the lines that end the start-up."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import OperationalError

    from videoconf.banner import banner
    from videoconf.first_steps import demo_token, first_admin, ready_meeting

    call_command("check", stdout=StringIO())
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: the database can't be used: {error}".rstrip()) from error
    if not settings.DEBUG:
        call_command("collectstatic", interactive=False, verbosity=0)
    return banner(first_admin(), ready_meeting(), demo_token())


def serve(listener: socket.socket, worker: Worker, lines: list[str]) -> None:
    """Serve on `listener` until a signal comes; `lines` are printed when requests are answered."""
    config = uvicorn.Config(
        "videoconf.asgi:application",
        lifespan="off",
        log_config=None,
        access_log=False,  # it would show query strings
        proxy_headers=False,  # TRUSTED_PROXIES decides whom to believe
        server_header=False,
        ws_max_size=LARGEST_FRAME,
        timeout_graceful_shutdown=3,
    )
    LocalServer(config, worker, lines).run(sockets=[listener])


class Sweeper(threading.Thread):
    """Does what is overdue beside the server: what a killed predecessor left, and what a killed worker would."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)

    def run(self) -> None:
        from django.core.management import call_command

        call_command("sweep_meetings", every=SWEEP_EVERY)


class LocalServer(uvicorn.Server):
    """The server, which says when it is ready and keeps the worker alive."""

    def __init__(self, config: uvicorn.Config, worker: Worker, lines: list[str]) -> None:
        super().__init__(config)
        self.worker = worker
        self.lines = lines

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        Sweeper().start()
        print("\n".join(self.lines), flush=True)

    async def on_tick(self, counter: int) -> bool:
        self.worker.keep_alive()
        return await super().on_tick(counter)


class Worker:
    """The process that does deferred work; a group of its own, so that Ctrl-C reaches it only through us."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0

    def start(self) -> None:
        command = [
            sys.executable,
            "manage.py",
            "db_worker",
            "--no-reload",
            "--no-startup-delay",
            "--skip-checks",
        ]
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(command, process_group=0, preexec_fn=end_with_parent)

    def keep_alive(self) -> None:
        """Start it again if it has died, after a pause."""
        if self.process is None or self.process.poll() is None:
            return
        if time.monotonic() - self.started_at > WORKER_RESTARTS_AFTER:
            print(f"The worker ended with {self.process.returncode}; it is started again.", file=sys.stderr)
            self.start()

    def stop(self) -> None:
        """Let it finish what it is doing, for some seconds."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(WORKER_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


if __name__ == "__main__":
    main()
