"""Who may what: each page and each operation with each single permission, seen and by hand-made POST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from archives import permission_names as archive_names
from archives.models import Archive, StorageTarget
from meetings import permission_names
from meetings.facts import JOINED
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from tests.admin.conftest import NewStaff
from tests.admin.pages import AdminClient, address
from tests.factories import (
    ArchiveFactory,
    AttendeeFactory,
    ConnectionFactory,
    MeetingFactory,
    StorageTargetFactory,
    WebhookDeliveryFactory,
)

NAMES = [*permission_names.DESCRIPTIONS, *archive_names.DESCRIPTIONS]
DJANGO = [
    f"{verb}_{model}"
    for verb in ("view", "add", "change", "delete")
    for model in ("meeting", "attendee", "connection", "webhookdelivery", "attendancefact", "archive", "storagetarget")
]
READERS: dict[type[Model], set[str]] = {
    Meeting: {"GetMeetings", "EditMeeting", "view_meeting"},
    Attendee: {"GetMeetingAttendees", "view_attendee"},
    Connection: {"GetMeetingAttendees", "view_connection"},
    WebhookDelivery: {"view_webhookdelivery"},
    AttendanceFact: {"view_attendancefact"},
    Archive: {"GetMeetingArchives", "view_archive"},
    StorageTarget: {"SetMeetingUploadTarget", "view_storagetarget"},
}


def fact() -> AttendanceFact:
    return AttendanceFact.objects.create(
        meeting=MeetingFactory.create(), kind=JOINED, at=timezone.now(), source="webhook", fact_key="a"
    )


ROWS: dict[type[Model], Callable[[], Any]] = {
    Meeting: lambda: MeetingFactory.create(active=True),
    Attendee: AttendeeFactory.create,
    Connection: ConnectionFactory.create,
    WebhookDelivery: WebhookDeliveryFactory.create,
    AttendanceFact: fact,
    Archive: ArchiveFactory.create,
    StorageTarget: StorageTargetFactory.create,
}

# page -> (permission to read such rows, permission to do it, a row that it makes sense for)
OPERATIONS: dict[str, tuple[str, str, Callable[[], Any]]] = {
    "meeting end": ("GetMeetings", "StopMeeting", ROWS[Meeting]),
    "meeting put-out": (
        "GetMeetings",
        "StopMeeting",
        lambda: MeetingFactory.create(ended=True, disconnect_due_at=timezone.now()),
    ),
    "meeting mute": ("GetMeetings", "ModerateMeeting", ROWS[Meeting]),
    "meeting soft-delete": ("GetMeetings", "DeleteMeeting", ROWS[Meeting]),
    "meeting restore": (
        "GetMeetings",
        "DeleteMeeting",
        lambda: MeetingFactory.create(deleted=True, deleted_by="ada", deleted_on=timezone.now()),
    ),
    "meeting hold": ("GetMeetings", "DeleteMeeting", ROWS[Meeting]),
    "meeting let-go": ("GetMeetings", "DeleteMeeting", lambda: MeetingFactory.create(legal_hold=True)),
    "meeting record": ("GetMeetings", "StartMeetingArchive", lambda: ConnectionFactory.create().meeting),
    "meeting stop-recording": (
        "GetMeetings",
        "StopMeetingArchive",
        lambda: ArchiveFactory.create(running=True, meeting__active=True).meeting,
    ),
    "meeting join-link": ("GetMeetings", "GenerateMeetingToken", ROWS[Meeting]),
    "attendee mute": ("GetMeetingAttendees", "ModerateMeeting", ROWS[Attendee]),
    "attendee remove": ("GetMeetingAttendees", "ModerateMeeting", ROWS[Attendee]),
    "delivery replay": ("view_webhookdelivery", "change_webhookdelivery", ROWS[WebhookDelivery]),
    "archive soft-delete": ("GetMeetingArchives", "DeleteMeetingArchive", ROWS[Archive]),
    "archive restore": (
        "GetMeetingArchives",
        "DeleteMeetingArchive",
        lambda: ArchiveFactory.create(deleted=True, deleted_by="ada", deleted_on=timezone.now()),
    ),
    "target soft-delete": ("view_storagetarget", "SetMeetingUploadTarget", ROWS[StorageTarget]),
    "target restore": (
        "view_storagetarget",
        "SetMeetingUploadTarget",
        lambda: StorageTargetFactory.create(deleted=True, deleted_by="ada", deleted_on=timezone.now()),
    ),
}


SINGLE = [(name,) for name in (*NAMES, *DJANGO) if not name.startswith(("add_", "change_", "delete_"))]
WRITERS = tuple(name for name in DJANGO if name.startswith(("add_", "change_", "delete_")))


@pytest.mark.parametrize("held", [*SINGLE, WRITERS], ids=lambda held: held[0])
def test_single_permission_opens_just_what_it_is_for(staff: NewStaff, held: tuple[str, ...]) -> None:
    client, name = staff(*held), held[0]
    for model, readers in READERS.items():
        row = ROWS[model]()
        expected = 200 if name in readers else 403
        assert client.get(address(model)).status_code == expected, model
        assert client.get(address(row, "change")).status_code == expected, model
        assert client.get(address(row, "history")).status_code == expected, model
        assert client.get(address(row, "delete")).status_code == 403, model

        may_add = (model, name) in ((Meeting, "CreateMeetingSession"), (StorageTarget, "SetMeetingUploadTarget"))
        assert client.get(address(model, "add")).status_code == (200 if may_add else 403), model
        may_edit = (model, name) == (Meeting, "EditMeeting")
        assert client.submit(address(row, "change"), {}).status_code == (200 if may_edit else 403), model


@pytest.mark.parametrize("page", OPERATIONS)
def test_operation_is_seen_and_done_with_its_permission_only(staff: NewStaff, page: str) -> None:
    reads, does, make = OPERATIONS[page]
    operation = page.split()[1]
    row = make()
    path = address(row, operation)

    able = staff(reads, does, username="able")
    assert f'href="{path}"' in able.page(address(row, "change"))
    assert able.get(path).status_code == 200

    others = [name for name in (*NAMES, *DJANGO) if name not in {does, reads}]
    unable = staff(reads, *others, username="unable")
    before = type(row).objects.filter(pk=row.pk).values().get()
    assert f'href="{path}"' not in unable.page(address(row, "change"))
    assert unable.get(path).status_code == 403
    assert unable.submit(path, {"name": "Ada", "role": "publisher"}).status_code == 403
    ticked = {"action": operation, "_selected_action": row.pk, "confirmed": "yes"}
    unable.submit(address(type(row)), ticked)
    assert not Archive.objects.exclude(created_by="factory").exists()
    assert type(row).objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("operation", ["end", "soft-delete"])
def test_permission_alone_does_not_act_on_what_one_may_not_see(staff: NewStaff, operation: str) -> None:
    meeting = MeetingFactory.create(active=True)
    client = staff("StopMeeting", "DeleteMeeting", "ModerateMeeting")

    assert client.submit(address(meeting, operation)).status_code == 403
    meeting.refresh_from_db()
    assert (meeting.end_time, meeting.deleted) == (None, False)


@pytest.mark.django_db
def test_who_is_no_staff_is_sent_to_the_login(visitor: Client) -> None:
    meeting = MeetingFactory.create(active=True)
    user = get_user_model().objects.create_superuser("eve", password="pw-of-eve")
    get_user_model().objects.filter(pk=user.pk).update(is_staff=False)
    member = AdminClient()
    member.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    for client in (visitor, member):
        for page in ("change", "end", "soft-delete", "join-link"):
            response = client.post(address(meeting, page), {"name": "Ada", "role": "publisher"})
            assert response.status_code == 302
            assert response["Location"].startswith("/admin/login/")
    meeting.refresh_from_db()
    assert (meeting.end_time, meeting.deleted) == (None, False)
