"""What the OpenAPI document says of the archive operations."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from archives import permission_names as names
from archives.api import serializers as wire
from meetings.api import examples
from meetings.api.schema import BODY_ERRORS, LINK, NO_CONTENT, answer, both, operation

TAG = "Archives"
ARCHIVE_ID = OpenApiParameter("archive_id", str, OpenApiParameter.PATH, description="The archive's id.")
NULL = {"nullable": True, "enum": [None]}
EXAMPLE = {
    "name": "Planning",
    "sessionId": examples.SESSION,
    "metaData": {
        "id": "6f1b2c9e-4a51-4c7e-9d0a-0d6c1f4f2a11",
        "status": "available",
        "reason": "",
        "createdAt": 1896082200000,
        "duration": 2700,
        "size": 104857600,
        "resolution": "1280x720",
        "outputMode": "composed",
        "hasAudio": True,
        "hasVideo": True,
        "url": None,
        "progress": None,
    },
}
TARGETS = {
    "S3": {"name": "AWSS3", "bucket": "recordings", "region": "eu-west-1", "fallback": "none"},
    "Azure": {"name": "AZURE", "accountName": "recordings", "container": "meetings", "fallback": "none"},
}


def _query(name: str, kind: object, text: str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=text)  # type: ignore[arg-type]


list_archives = operation(
    "listArchives",
    permission=names.GET_MEETING_ARCHIVES,
    summary="List archives. Newest first.",
    tag=TAG,
    success={200: answer(wire.ArchiveListAnswer, {"count": 1, "items": [EXAMPLE]})},
    failures=(400,),
    parameters=[
        _query("sessionId", str, "Of this session."),
        _query("status", str, "In this state."),
        _query("from", OpenApiTypes.DATETIME, "Created not before (inclusive)."),
        _query("to", OpenApiTypes.DATETIME, "Created not after (inclusive)."),
        _query("offset", {"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0}, "How many to skip."),
        _query("count", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}, "Archives a page."),
    ],
)
retrieve_archive = operation(
    "getArchive",
    permission=names.GET_MEETING_ARCHIVES,
    summary="Read an archive.",
    tag=TAG,
    success={200: answer(wire.ArchiveAnswer, EXAMPLE)},
    failures=(404, 502, 503),
    parameters=[ARCHIVE_ID],
)
delete_archive = operation(
    "deleteArchive",
    permission=names.DELETE_MEETING_ARCHIVE,
    summary="Delete an archive. At the provider and in the storage; the row is kept, marked as deleted.",
    tag=TAG,
    success=both(NULL, None, "null"),
    failures=(404, 409, 502, 503),
    parameters=[ARCHIVE_ID],
)
download_archive = operation(
    "downloadArchive",
    permission=names.GET_MEETING_ARCHIVES,
    summary="Download an archive. A redirect to a link that expires, or the file.",
    tag=TAG,
    success={302: OpenApiResponse(description="To the file.")},
    failures=(404, 409, 502, 503),
    parameters=[ARCHIVE_ID],
)
start_archive = operation(
    "startArchive",
    permission=names.START_MEETING_ARCHIVE,
    summary="Start recording a meeting.",
    tag=TAG,
    body=wire.StartArchiveBody,
    success={200: answer(wire.ArchiveAnswer, EXAMPLE)},
    failures=(*BODY_ERRORS, 404, 409, 502, 503),
    parameters=[LINK],
    bodies={"Composed": {"name": "Planning", "outputMode": "composed", "resolution": "1280x720"}},
)
stop_archive = operation(
    "stopArchive",
    permission=names.STOP_MEETING_ARCHIVE,
    summary="Stop an archive.",
    tag=TAG,
    success={200: answer(wire.ArchiveAnswer, EXAMPLE)},
    failures=(400, 404, 409, 502, 503),
    parameters=[ARCHIVE_ID],
)
set_target = operation(
    "setStorageTarget",
    permission=names.SET_MEETING_UPLOAD_TARGET,
    summary="Set where archives are stored. Secrets come from the server's settings.",
    tag=TAG,
    body=wire.StorageTargetBody,
    success=both(NULL, None, "null"),
    failures=(*BODY_ERRORS, 502, 503),
    bodies=TARGETS,
)
get_target = operation(
    "getStorageTarget",
    permission=names.SET_MEETING_UPLOAD_TARGET,
    summary="Read where archives are stored.",
    tag=TAG,
    success={200: answer(wire.StorageTargetAnswer, TARGETS["S3"])},
    failures=(404,),
)
clear_target = operation(
    "clearStorageTarget",
    permission=names.SET_MEETING_UPLOAD_TARGET,
    summary="Take the storage target away.",
    tag=TAG,
    success={204: NO_CONTENT},
    failures=(404, 502, 503),
)
