"""PostgreSQL: who comes into a meeting that was deleted goes the way that puts her out again."""

from __future__ import annotations

import importlib
from typing import Any

from django.db import migrations

_first = importlib.import_module("meetings.migrations.0006_first_sight")
CREATE = _first.CREATE.replace(
    "select m.id, m.end_time into", "select m.id, coalesce(m.end_time, case when m.deleted then now() end) into"
)


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE)


def recreate(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_first.CREATE)


class Migration(migrations.Migration):
    dependencies = (("videoconf_meetings", "0009_legal_hold"),)
    operations = (migrations.RunPython(create, recreate, elidable=False),)
