"""The page that a recording is watched on, what it reads, and the file itself."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from archives import links
from archives.facts import ArchiveFacts
from archives.models import Archive, StorageTarget
from meetings.exceptions import ProviderUnavailable
from meetings.providers.memory import MemoryProvider
from tests.callers import ApiClient
from tests.factories import ArchiveFactory, MeetingFactory
from tests.storages import Configure

pytestmark = pytest.mark.django_db
BODY = bytes(range(256)) * 40


@pytest.fixture
def archive(media_root: Path) -> Archive:
    """An archive that is available, in the folder."""
    row: Archive = ArchiveFactory.create(
        name="Planning",
        size=len(BODY),
        sha256="ab" * 32,
        spans=[[0, 60_000]],
        report={"people": ["Ann"], "missing": []},
    )
    row.storage_key = f"webrtc/{row.archive_id}/archive.mp4"
    row.save()
    file = media_root / row.storage_key
    file.parent.mkdir(parents=True)
    file.write_bytes(BODY)
    return row


@pytest.fixture
def viewer(db: None) -> Client:
    """Someone who is signed in and holds GetMeetingArchives."""
    user = User.objects.create_user("vera")
    user.user_permissions.add(Permission.objects.get(codename="GetMeetingArchives"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def nobody(db: None) -> Client:
    """Someone who is signed in and holds nothing."""
    client = Client()
    client.force_login(User.objects.create_user("ned"))
    return client


def config_of(page: Any) -> dict[str, Any]:
    assert page.status_code == 200
    found = re.search(r'<script id="[\w-]+" type="application/json">(.*?)</script>', page.content.decode(), re.DOTALL)
    assert found
    said: dict[str, Any] = json.loads(found[1])
    return said


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


# --- the page -----------------------------------------------------------------------------------------------------


def test_who_may_read_archives_sees_the_recording(viewer: Client, archive: Archive) -> None:
    config = config_of(viewer.get(f"/recordings/{archive.archive_id}"))
    assert config["apiUrl"] == f"/archives/{archive.archive_id}"
    assert config["dataUrl"] == f"/recordings/{archive.archive_id}/data"
    assert (config["recording"]["name"], config["signIn"]) == ("Planning", None)
    meta = config["recording"]["metaData"]
    assert meta["title"] == archive.meeting.title
    assert (meta["status"], meta["people"], meta["duration"], meta["progress"]) == ("available", ["Ann"], 60, None)
    assert content(viewer.get(path_of(meta["url"]))) == BODY
    assert viewer.get(config["dataUrl"]).json()["metaData"] | {"url": ""} == meta | {"url": ""}


def test_others_see_a_page_that_tells_nothing(nobody: Client, archive: Archive) -> None:
    for client in (Client(), nobody):
        for archive_id in (archive.archive_id, "nope"):
            config = config_of(client.get(f"/recordings/{archive_id}"))
            assert (config["recording"], config["dataUrl"]) == (None, None)
            assert config["signIn"] == f"/admin/login/?next=%2Frecordings%2F{archive_id}"
    assert Client().get(f"/recordings/{archive.archive_id}/data").status_code == 403
    assert nobody.get(f"/recordings/{archive.archive_id}/data").status_code == 403


def test_another_tenant_s_recording_is_none(viewer: Client, archive: Archive) -> None:
    Archive.objects.update(tenant="north")
    assert config_of(viewer.get(f"/recordings/{archive.archive_id}"))["recording"] is None
    assert viewer.get(f"/recordings/{archive.archive_id}/data").status_code == 404
    assert viewer.get("/recordings/nope/data").status_code == 404


def test_a_deleted_recording_is_none(viewer: Client, archive: Archive) -> None:
    url = config_of(viewer.get(f"/recordings/{archive.archive_id}"))["recording"]["metaData"]["url"]
    archive.soft_delete("owner")
    assert config_of(viewer.get(f"/recordings/{archive.archive_id}"))["recording"] is None
    assert viewer.get(path_of(url)).status_code == 404


def test_page_opens_while_the_provider_is_away(viewer: Client, memory: MemoryProvider) -> None:
    archive = ArchiveFactory.create(running=True, meeting=MeetingFactory.create(provider="memory"), archive_id="far")
    memory.fail_with = ProviderUnavailable("down")
    page = f"/recordings/{archive.archive_id}"
    config = config_of(viewer.get(page))
    assert (config["recording"], config["dataUrl"]) == (None, f"{page}/data")
    memory.fail_with = ProviderUnavailable("down")
    assert viewer.get(config["dataUrl"]).status_code == 503


def media_of(page: Any) -> str:
    policy = dict(part.strip().split(" ", 1) for part in page["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    return str(policy["media-src"])


def test_the_page_lets_in_the_storages_links_and_nothing_else(
    viewer: Client, archive: Archive, configure: Configure
) -> None:
    page = f"/recordings/{archive.archive_id}"
    assert media_of(viewer.get(page)) == "'self' blob: mediastream:"
    configure(AWS_ACCESS_KEY="key", AWS_SECRET_KEY="secret")
    target = StorageTarget.objects.create(name="AWSS3", bucket="b", region="eu-west-1", endpoint="https://s3.example")
    StorageTarget.objects.create(name="AZURE", account_name="a", container="c")  # without a key nothing is linked
    target.soft_delete("owner")
    ours = "'self' blob: mediastream: https://s3.example"
    for status in ("started", "stopped", "uploaded"):
        Archive.objects.update(target=target, status=status)
        assert media_of(viewer.get(page)) == ours


def test_the_policy_tells_strangers_nothing(archive: Archive, configure: Configure) -> None:
    configure(AWS_ACCESS_KEY="key", AWS_SECRET_KEY="secret")
    target = StorageTarget.objects.create(name="AWSS3", bucket="films", region="eu-west-1")
    unplaced = ArchiveFactory.create(meeting=MeetingFactory.create(), status="uploaded")
    Archive.objects.filter(pk=archive.pk).update(target=target)
    client = Client()
    with CaptureQueriesContext(connection) as queries:
        said = {media_of(client.get(f"/recordings/{one}")) for one in (archive.archive_id, unplaced.archive_id, "nope")}
    assert said == {"'self' blob: mediastream: https://films.s3.eu-west-1.amazonaws.com"}
    assert all(query["sql"].startswith("SELECT") for query in queries)
    unplaced.refresh_from_db()
    assert (unplaced.storage_key, unplaced.target) == ("", None)


def test_the_policy_lets_in_the_provider_s_own_link(viewer: Client, memory: MemoryProvider) -> None:
    archive = ArchiveFactory.create(meeting=MeetingFactory.create(provider="memory"))
    memory.archives[archive.archive_id] = ArchiveFacts(
        archive_id=archive.archive_id, status="available", size=1024, duration=60, url="https://cdn.example/a.mp4?x=1"
    )
    page = f"/recordings/{archive.archive_id}"
    assert media_of(viewer.get(page)) == "'self' blob: mediastream: https://cdn.example"
    assert media_of(Client().get(page)) == "'self' blob: mediastream:"


# --- the file -----------------------------------------------------------------------------------------------------


def test_a_link_plays_in_parts_and_saves(archive: Archive) -> None:
    client, now = Client(), timezone.now()
    play, save = (links.file_path(archive, now, how=how) for how in ("play", "save"))
    whole = client.get(play)
    assert (content(whole), whole["Content-Type"], whole["Accept-Ranges"]) == (BODY, "video/mp4", "bytes")
    assert whole["Content-Disposition"] == 'inline; filename="Planning.mp4"'
    assert client.get(save)["Content-Disposition"] == 'attachment; filename="Planning.mp4"'
    part = client.get(play, headers={"range": "bytes=100-199"})
    assert (part.status_code, content(part)) == (206, BODY[100:200])
    assert part["Content-Range"] == f"bytes 100-199/{len(BODY)}"
    again = client.get(play, headers={"range": "bytes=-5", "if-range": part["ETag"]})
    assert (again.status_code, content(again)) == (206, BODY[-5:])
    assert client.get(play, headers={"range": "bytes=99999999-"}).status_code == 416
    head = client.head(play)
    assert (head.status_code, head["Content-Length"], head.content) == (200, str(len(BODY)), b"")
    assert whole["Cache-Control"] == "private, no-store"


def test_a_link_expires_and_opens_one_file_in_one_way(archive: Archive) -> None:
    client, now = Client(), timezone.now()
    other = ArchiveFactory.create(meeting=MeetingFactory.create())
    assert client.get(links.file_path(archive, now - timedelta(minutes=11))).status_code == 403
    query = {name: values[0] for name, values in parse_qs(urlsplit(links.file_path(archive, now)).query).items()}
    file = f"/recordings/{archive.archive_id}/file"
    assert client.get(file, query).status_code == 200
    for changed in (
        {"expires": str(int(query["expires"]) + 1)},
        {"how": "save"},
        {"how": "x"},
        {"signature": query["signature"][:-1]},
        {"signature": ""},
        {"expires": "x"},
    ):
        refused = client.get(file, query | changed)
        assert refused.json()["error"]["code"] == "link_expired"
    assert client.get(f"/recordings/{other.archive_id}/file", query).status_code == 403
    assert client.get(file).status_code == 403


def test_what_is_not_there_is_said(archive: Archive, media_root: Path) -> None:
    client, now = Client(), timezone.now()
    (media_root / archive.storage_key).unlink()
    assert client.get(links.file_path(archive, now)).json()["error"]["code"] == "storage_file_missing"
    running = ArchiveFactory.create(running=True)
    assert client.get(links.file_path(running, now)).json()["error"]["code"] == "archive_not_available"


def test_the_api_gives_a_fresh_link_each_time(owner: ApiClient, archive: Archive) -> None:
    url = owner.get(f"/archives/{archive.archive_id}").json()["metaData"]["url"]
    assert url.startswith("http://testserver/recordings/")
    assert content(owner.client.get(path_of(url))) == BODY
    listed = owner.get("/archives").json()["items"][0]["metaData"]
    assert listed["url"] is None  # a list makes none
