"""Everything that is logged and everything that is stored, to look for what must be in neither."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO

from django.apps import apps
from django.core import serializers

from videoconf.logs import RedactingFormatter

LOGGERS = ["", "django", "django.request", "meetings", "archives", "videoconf", "axes", "django_tasks"]
VENDORS = ["opentok", "urllib3", "urllib3.connectionpool", "jwt", "boto3", "botocore", "azure"]


@dataclass(frozen=True, slots=True)
class Log:
    """What is logged, as it comes and as this project's formatter writes it."""

    raw: StringIO
    formatted: StringIO


@contextmanager
def listening(redacted: Sequence[str] = ()) -> Iterator[Log]:
    """Take down everything that is logged, from DEBUG on; `redacted` is what the formatter knows as secret."""
    written = Log(StringIO(), StringIO())
    handlers = [logging.StreamHandler(written.raw), logging.StreamHandler(written.formatted)]
    handlers[1].setFormatter(RedactingFormatter(secrets=list(redacted), fmt="{name}: {message}"))
    targets = [logging.getLogger(), logging.getLogger("django")]
    before = {name: logging.getLogger(name).level for name in [*LOGGERS, *VENDORS]}
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("django.db.backends").setLevel(logging.INFO)
    for target in targets:
        target.handlers += handlers
    try:
        yield written
    finally:
        for target in targets:
            target.handlers = [handler for handler in target.handlers if handler not in handlers]
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def database_dump() -> str:
    """Return every row of every table of the project, as JSON."""
    rows = [row for model in apps.get_models() for row in model._default_manager.all()]
    return str(serializers.serialize("json", rows))
