from typing import Any

from django.db import migrations, models

from meetings.conf import conf


def pin(apps: Any, schema_editor: Any) -> None:
    """Recordings whose chunks are still there get what is in force now, which is what they went by."""
    rows = apps.get_model("videoconf_archives", "Archive").objects.using(schema_editor.connection.alias)
    unfinished = models.Q(compose_due_at__isnull=False) | models.Q(chunks_due_at__isnull=False)
    rows.filter(unfinished).update(
        consent=conf.RECORDING_CONSENT, notice=conf.RECORDING_NOTICE, notice_version=conf.RECORDING_NOTICE_VERSION
    )


class Migration(migrations.Migration):
    dependencies = [
        ("videoconf_archives", "0004_chunk_recorded_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="archive",
            name="consent",
            field=models.CharField(blank=True, default="", editable=False, max_length=16),
        ),
        migrations.AddField(
            model_name="archive",
            name="notice",
            field=models.TextField(blank=True, default="", editable=False, verbose_name="what people are told"),
        ),
        migrations.AddField(
            model_name="archive",
            name="notice_version",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
        ),
        migrations.RunPython(pin, migrations.RunPython.noop),
    ]
