"""Bodies in and out of the archive operations."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from archives.models import StorageTarget
from meetings.api.bodies import BodySerializer
from meetings.api.fields import ChoiceProperty, ObjectProperty, TextProperty

FALLBACKS = ("none", "opentok")
OUTPUT_MODES = ("composed", "individual")
RESOLUTIONS = ("640x480", "480x640", "1280x720", "720x1280", "1920x1080", "1080x1920")


class StorageTargetBody(BodySerializer):
    """Body of `PUT /archives/storage-target`; secrets come from the settings, never from here."""

    name = TextProperty(max_length=64, required=False)
    bucket = TextProperty(max_length=255, required=False)
    endpoint = TextProperty(max_length=255, required=False)
    region = TextProperty(max_length=64, required=False)
    accountName = TextProperty(source="account_name", max_length=255, required=False)
    container = TextProperty(max_length=255, required=False)
    domain = TextProperty(max_length=255, required=False)
    fallback = ChoiceProperty(choices=FALLBACKS, required=False)


class StartArchiveBody(BodySerializer):
    """Body of `POST /session/{id}/archives`; everything is optional."""

    name = TextProperty(max_length=255, required=False)
    outputMode = ChoiceProperty(source="output_mode", choices=OUTPUT_MODES, required=False)
    resolution = ChoiceProperty(choices=RESOLUTIONS, required=False)
    layout = ObjectProperty(required=False)


class ArchiveProgress(serializers.Serializer[Any]):
    phase = serializers.ChoiceField(choices=("recording", "composing", "joining", "uploading"))
    percent = serializers.IntegerField(min_value=0, max_value=100)


class MissingPart(serializers.Serializer[Any]):
    person = serializers.CharField(allow_blank=True)
    kind = serializers.CharField()
    # `from` is a word of Python's; the schema names it all the same
    to = serializers.IntegerField(help_text="Milliseconds from the beginning.")
    why = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.IntegerField(help_text="Milliseconds from the beginning."), **super().get_fields()}


class ArchiveMetaData(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    createdAt = serializers.IntegerField(help_text="Milliseconds since 1970.")
    duration = serializers.IntegerField(help_text="Seconds.")
    size = serializers.IntegerField(help_text="Bytes.")
    resolution = serializers.CharField(allow_blank=True)
    outputMode = serializers.CharField()
    hasAudio = serializers.BooleanField()
    hasVideo = serializers.BooleanField()
    url = serializers.CharField(allow_null=True, help_text="Fresh and expiring; null while there is no file.")
    progress = ArchiveProgress(allow_null=True, help_text="How far the embedded provider's recording is; null: done.")
    people = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Who is in it, where the embedded provider recorded."
    )
    missing = MissingPart(many=True, required=False, help_text="What could not be recorded.")


class ArchiveAnswer(serializers.Serializer[Any]):
    name = serializers.CharField(allow_blank=True)
    sessionId = serializers.CharField()
    metaData = ArchiveMetaData()


@extend_schema_serializer(many=False)
class ArchiveListAnswer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="All that match, not the page.")
    items = ArchiveAnswer(many=True)


class StorageTargetAnswer(serializers.Serializer[Any]):
    name = serializers.CharField()
    bucket = serializers.CharField(required=False)
    endpoint = serializers.CharField(required=False)
    region = serializers.CharField(required=False)
    accountName = serializers.CharField(required=False)
    container = serializers.CharField(required=False)
    domain = serializers.CharField(required=False)
    fallback = serializers.CharField()


def target_answer(target: StorageTarget) -> dict[str, Any]:
    """Return the storage target as the wire has it; what is not set is left out."""
    values = {
        "name": target.name,
        "bucket": target.bucket,
        "endpoint": target.endpoint,
        "region": target.region,
        "accountName": target.account_name,
        "container": target.container,
        "domain": target.domain,
        "fallback": target.fallback,
    }
    return {name: value for name, value in values.items() if value}
