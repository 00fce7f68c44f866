"""A threaded HTTP/1.1 server that keeps connections open and fails when it is told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from tests.vonage.faults import Fault
from tests.vonage.wire import Answer, BadRequest, Connection, Request

BACKLOG = 512
POLL = 0.1  # seconds


class Handler(Protocol):
    """What answers requests."""

    def fault_for(self, request: Request) -> Fault | None: ...

    def answer(self, request: Request) -> Answer: ...


class Server:
    """Listens from `start` to `stop`, and may be started again on the same port."""

    def __init__(self, handler: Handler, host: str, port: int, log: Callable[[str], None] | None = None) -> None:
        self.handler = handler
        self.host = host
        self.port = port
        self._log = log
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread: threading.Thread | None = None
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Listen; port 0 becomes a free one and stays."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(BACKLOG)
        listener.settimeout(POLL)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._accept, args=(listener, self._stopping), name="vonage", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and break every connection off."""
        self._stopping.set()
        if self._thread is not None and self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`; where it does not, POLL does
            self._thread.join()
            self._thread = None
        for sock in list(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket, stopping: threading.Event) -> None:
        with listener:
            while not stopping.is_set():
                with suppress(OSError):
                    sock, (peer, *_) = listener.accept()
                    sock.settimeout(None)
                    self._open.add(sock)
                    threading.Thread(target=self._serve, args=(sock, peer, stopping), daemon=True).start()

    def _serve(self, sock: socket.socket, peer: str, stopping: threading.Event) -> None:
        connection = Connection(sock, peer)
        try:
            while not stopping.is_set() and self._exchange(connection, stopping):
                pass
        except BadRequest as bad:
            with suppress(OSError):
                connection.send(Answer.of({"code": bad.status, "message": bad.message}, bad.status), closes=True)
        except OSError:
            pass  # the client has gone, or we have hung up on it
        finally:
            self._open.discard(sock)
            sock.close()

    def _exchange(self, connection: Connection, stopping: threading.Event) -> bool:
        """Serve one request; return whether the connection stays."""
        request = connection.read_head()
        if request is None:
            return False
        fault = self.handler.fault_for(request)
        if fault is not None and fault.reset == "before":
            self._note(request, "reset")
            connection.reset()
            return False
        connection.read_body(request)
        answer = self.handler.answer(request) if fault is None or fault.needs_answer else Answer()
        if fault is not None:
            self._note(request, "fault")
            return _spoil(connection, answer, fault, stopping)
        closes = request.headers.get("connection", "").lower() == "close"
        request.status = answer.status
        connection.send(answer, closes=closes)
        self._note(request, str(answer.status))
        return not closes

    def _note(self, request: Request, outcome: str) -> None:
        if self._log is not None:
            self._log(f"{time.strftime('%H:%M:%S')} {request.method} {request.path} {outcome}")


def _spoil(connection: Connection, answer: Answer, fault: Fault, stopping: threading.Event) -> bool:
    if fault.delay:
        stopping.wait(fault.delay)
    if fault.reset:
        connection.reset()
        return False
    spoiled = fault.spoil(answer)
    if fault.cut is not None:
        connection.sock.sendall(spoiled.head(length=len(spoiled.body)) + spoiled.body[: fault.cut])
        return False
    if not fault.drip:
        connection.send(spoiled)
        return True
    connection.sock.sendall(spoiled.head(length=len(spoiled.body)))
    for byte in spoiled.body:
        if stopping.wait(fault.drip):
            return False
        connection.sock.sendall(bytes([byte]))
    return True
