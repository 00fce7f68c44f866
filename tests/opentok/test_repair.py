"""`sync_archives` and `replay_webhooks`: what callbacks lost is found, what failed is done; twice is like once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from archives import states, syncing
from archives.models import Archive
from archives.services import repeat_removal
from meetings import extensions
from meetings.extensions import MeetingExtension
from meetings.models import Meeting, WebhookDelivery
from meetings.providers.types import ProviderEvent
from tests.factories import ArchiveFactory, MeetingFactory
from tests.opentok.conftest import stand_in
from tests.opentok.house import House, configure, good
from tests.vonage import faults

pytestmark = pytest.mark.django_db


def run(command: str, **options: Any) -> str:
    """Run a command; return what it wrote."""
    said = StringIO()
    call_command(command, stdout=said, **options)
    return said.getvalue().strip()


def sync() -> str:
    """Sync, and once more, which changes nothing; return what the first one wrote."""
    said = run("sync_archives")
    rows = list(Archive.objects.order_by("pk").values())
    assert run("sync_archives") == "changed 0, gone 0, stopped 0, removed 0"
    assert list(Archive.objects.order_by("pk").values()) == rows
    return said


def recorded(house: House, *, name: str = "") -> tuple[str, str]:
    """Make a meeting in which a recording runs; return its link and the archive's id."""
    link = house.create()
    house.join(link, "Ann")
    archive_id = house.start(link, **({"name": name} if name else {}))
    house.deliver()
    return link, archive_id


class TestSync:
    def test_finds_archives_of_which_every_callback_was_lost(self, house: House) -> None:
        link = house.create(enableArchiving=True)
        house.vonage.connect(house.session_id(link), token=house.token(link, data="Ann"))
        (archive_id,) = house.vonage.archives
        house.vonage.finish_archive(archive_id)
        house.lose()

        assert sync() == "changed 1, gone 0, stopped 0, removed 0"

        assert house.status(archive_id) == "available"
        assert house.meeting(link)["archiveId"] == archive_id
        assert house.archive(archive_id)["metaData"]["url"]

    @pytest.mark.parametrize("status", ["stopped", "available", "uploaded", "failed", "paused"])
    def test_brings_a_row_up_to_date(self, legacy: House, status: str) -> None:
        link, archive_id = recorded(legacy)
        if status == "paused":
            (session,) = legacy.vonage.sessions.values()
            with legacy.vonage.state.lock:
                legacy.vonage.state.recorder.on_streams(session)
        elif status == "stopped":
            legacy.vonage.stop_archive(archive_id)
        else:
            legacy.vonage.finish_archive(archive_id, status)
        legacy.lose()
        assert legacy.status(archive_id) == "started"

        assert sync().startswith("changed 1,")

        assert legacy.status(archive_id) == status
        assert legacy.meeting(link)["archiveId"] == archive_id

    def test_gives_up_a_start_that_never_reached_vonage(self, legacy: House) -> None:
        link, _ = recorded(legacy)
        meeting = Meeting.objects.get(meeting_link=link)
        Archive.objects.all().delete()
        legacy.vonage.archives.clear()
        ago = timezone.now() - timedelta(minutes=3)
        ArchiveFactory.create(meeting=meeting, status="starting", is_ours=True, created_on=ago, provider="opentok")

        assert sync() == "changed 0, gone 1, stopped 0, removed 0"

        assert not Archive.objects.exists()
        assert legacy.api.get("/archives").json()["count"] == 0

    def test_waits_for_a_start_that_has_just_begun(self, legacy: House) -> None:
        meeting = Meeting.objects.get(meeting_link=legacy.create())
        ArchiveFactory.create(meeting=meeting, status="starting", is_ours=True, provider="opentok")

        assert sync() == "changed 0, gone 0, stopped 0, removed 0"

        assert Archive.objects.get().status == "starting"

    def test_finds_the_archive_of_a_start_whose_process_was_killed(self, legacy: House) -> None:
        _, archive_id = recorded(legacy, name="Talk")
        row = Archive.objects.get()
        Archive.objects.update(archive_id="ours-to-be", status="starting")

        assert sync() == "changed 1, gone 0, stopped 0, removed 0"

        assert Archive.objects.get().pk == row.pk
        assert legacy.status(archive_id) == "started"

    def test_leaves_what_other_credentials_made_as_it_is(self, legacy: House) -> None:
        link, archive_id = recorded(legacy)
        legacy.lose()
        with stand_in("application") as other:
            configure(legacy.settings, other)
            for _ in range(2):
                with pytest.raises(CommandError, match="1 archives belong to other credentials"):
                    run("sync_archives")
            assert legacy.status(archive_id) == "started"
            assert legacy.archive(archive_id)["metaData"]["url"] is None
            assert legacy.api.post(f"/archives/{archive_id}/stop").status_code == 409
            Archive.objects.update(status="stopped")
            assert legacy.api.delete(f"/archives/{archive_id}").status_code == 200
            assert "other credentials" in Archive.objects.get().removal_error
            assert legacy.api.get(f"/session/{link}/join-check").json()["code"] == "provider_refused"

        configure(legacy.settings, legacy.vonage)
        legacy.vonage.finish_archive(archive_id, "available")
        Archive.objects.update(removal_due_at=timezone.now())
        assert repeat_removal(Archive.objects.get().pk)
        assert legacy.vonage.archives[archive_id].status == "deleted"

    def test_believes_vonage_when_an_archive_is_there_after_all(self, legacy: House) -> None:
        _, archive_id = recorded(legacy)
        legacy.vonage.finish_archive(archive_id)
        legacy.lose()
        Archive.objects.update(status="failed", reason=states.GONE)
        assert sync() == "changed 1, gone 0, stopped 0, removed 0"
        assert (legacy.status(archive_id), Archive.objects.get().reason) == ("available", "session ended")

    def test_notes_files_that_vonage_keeps_no_longer(self, legacy: House) -> None:
        _, archive_id = recorded(legacy)
        legacy.vonage.finish_archive(archive_id)
        legacy.deliver()
        Archive.objects.update(created_on=timezone.now() - timedelta(days=5))
        legacy.vonage.archives[archive_id].status = "deleted"  # it answers 404 from then on

        assert sync() == "changed 0, gone 1, stopped 0, removed 0"

        assert legacy.status(archive_id) == "expired"
        assert legacy.archive(archive_id)["metaData"]["url"] is None

    def test_notes_files_that_vonage_says_have_expired(self, legacy: House) -> None:
        _, archive_id = recorded(legacy)
        legacy.vonage.finish_archive(archive_id)
        legacy.deliver()
        legacy.vonage.finish_archive(archive_id, "expired")
        legacy.lose()

        assert sync().startswith("changed 1,")

        assert legacy.status(archive_id) == "expired"

    def test_stops_what_still_records_an_ended_meeting(self, legacy: House) -> None:
        link, archive_id = recorded(legacy)
        legacy.vonage.fail("POST **/stop", faults.status(500), None)
        legacy.vonage.fail("DELETE **", faults.status(500), None)
        good(legacy.api.patch(f"/session/{link}/end"))

        with pytest.raises(CommandError, match=f"opentok: archive {archive_id}: provider_error"):
            run("sync_archives")
        legacy.vonage.heal()
        assert sync() == "changed 0, gone 0, stopped 1, removed 0"

        assert legacy.vonage.archives[archive_id].status == "stopped"
        assert legacy.status(archive_id) == "stopped"

    def test_does_not_say_that_it_stopped_what_it_can_not(self, legacy: House) -> None:
        link = legacy.create(enableArchiving=True)
        legacy.join(link, "Ann")
        legacy.vonage.fail("DELETE **", faults.status(500), None)
        good(legacy.api.patch(f"/session/{link}/end"))

        assert sync() == "changed 0, gone 0, stopped 0, removed 0"

    def test_repeats_removals_that_are_owed(self, legacy: House) -> None:
        _, archive_id = recorded(legacy)
        legacy.vonage.finish_archive(archive_id)
        legacy.deliver()
        legacy.vonage.fail("DELETE **", faults.status(500), None)
        good(legacy.api.delete(f"/archives/{archive_id}"))
        assert sync() == "changed 0, gone 0, stopped 0, removed 0", "it is not due yet"
        Archive.objects.update(removal_due_at=timezone.now())
        legacy.vonage.heal()

        assert sync() == "changed 0, gone 0, stopped 0, removed 1"

        assert legacy.vonage.archives[archive_id].status == "deleted"

    def test_leaves_what_is_deleted_and_what_is_another_s_alone(self, legacy: House) -> None:
        _, archive_id = recorded(legacy)
        legacy.vonage.finish_archive(archive_id)
        legacy.deliver()
        Archive.objects.get().soft_delete("x")
        link = legacy.create()
        legacy.join(link, "Bea")
        with legacy.vonage.state.lock:
            session = legacy.vonage.sessions[legacy.session_id(link)]
            legacy.vonage.state.recorder.start(session, {"name": "of another system"})
        legacy.lose()
        Meeting.objects.filter(meeting_link=link).update(session_id="moved")

        assert sync() == "changed 0, gone 0, stopped 0, removed 0"

        assert legacy.api.get("/archives").json()["count"] == 0

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("down", "provider_unavailable"),
            ("401", "provider_credentials"),
            ("429", "provider_unavailable"),
            ("500", "provider_error"),
            ("html", "provider_error"),
            ("empty", "provider_error"),
            ("garbage", "provider_error"),
            ("another object", "provider_error"),
        ],
    )
    def test_says_that_vonage_failed_and_changes_nothing(self, legacy: House, name: str, code: str) -> None:
        _, archive_id = recorded(legacy)
        legacy.vonage.finish_archive(archive_id)
        legacy.lose()
        before = list(Archive.objects.values()), list(Meeting.objects.values())
        fault = {
            "html": faults.html(200),
            "empty": faults.empty(),
            "garbage": faults.garbage(),
            "another object": faults.garbage('{"count": 1}'),
        }.get(name) or faults.status(int(name) if name.isdigit() else 500)
        legacy.vonage.fail("GET **", fault, None)
        if name == "down":
            legacy.vonage.stop()

        with pytest.raises(CommandError, match=f"opentok: {code}"):
            run("sync_archives")

        assert (list(Archive.objects.values()), list(Meeting.objects.values())) == before

    def test_one_archive_that_vonage_refuses_does_not_keep_it_from_the_others(self, legacy: House) -> None:
        link, archive_id = recorded(legacy)
        meeting = Meeting.objects.get(meeting_link=link)
        ArchiveFactory.create(meeting=meeting, status="stopped", archive_id="odd", provider="opentok")
        gone = ArchiveFactory.create(meeting=meeting, status="stopped", provider="opentok")
        legacy.vonage.finish_archive(archive_id)
        legacy.lose()
        legacy.vonage.fail("GET **/archive/odd", faults.status(400, "Invalid archive id"), None)

        with pytest.raises(CommandError, match="opentok: archive odd: provider_refused: Invalid archive id"):
            run("sync_archives")

        assert legacy.status(archive_id) == "available"
        assert legacy.status(gone.archive_id) == "failed"
        assert legacy.status("odd") == "stopped"

    def test_reads_every_page(self, legacy: House) -> None:
        _, archive_id = recorded(legacy)
        legacy.vonage.finish_archive(archive_id)
        legacy.lose()
        one = legacy.vonage.archives[archive_id]
        for number in range(syncing.PAGE + 1):
            legacy.vonage.archives[f"copy-{number}"] = replace(one, id=f"copy-{number}")

        assert sync().startswith(f"changed {syncing.PAGE + 2},")


class Broken(MeetingExtension):
    """A bug of ours in what an archive callback does."""

    def archive_event(self, meeting: Meeting, event: ProviderEvent, delivery: WebhookDelivery) -> bool:
        raise ZeroDivisionError


@pytest.fixture
def bug() -> Iterator[list[MeetingExtension]]:
    """A bug that is there until the list is emptied."""
    known = extensions._extensions
    broken = Broken()
    known.append(broken)
    yield known
    if broken in known:
        known.remove(broken)


class TestReplay:
    def test_applies_what_came_before_its_meeting_did(self, legacy: House) -> None:
        link = legacy.create()
        session_id = legacy.session_id(link)
        Meeting.objects.update(session_id="elsewhere")
        legacy.vonage.connect(session_id, data="Ann")
        legacy.deliver()
        assert set(WebhookDelivery.objects.values_list("verdict", flat=True)) == {"unmatched"}
        assert run("replay_webhooks") == "unmatched 2"
        MeetingFactory.create(session_id=session_id, provider="opentok", meeting_link="found")
        assert run("replay_webhooks", dry_run=True) == "2 to replay"

        assert run("replay_webhooks") == "applied 2"

        assert legacy.here("found") == ["Ann"]
        rows = list(WebhookDelivery.objects.values())
        assert run("replay_webhooks") == "none"
        assert list(WebhookDelivery.objects.values()) == rows

    def test_applies_what_failed_once_the_bug_is_gone(self, legacy: House, bug: list[MeetingExtension]) -> None:
        link = legacy.create(enableArchiving=True)
        legacy.vonage.connect(legacy.session_id(link), token=legacy.token(link, data="Ann"))
        statuses = {one.name: legacy.bring(one).status_code for one in legacy.vonage.callbacks}
        assert statuses == {"sessionCreated": 204, "connectionCreated": 204, "archive.started": 500}
        assert legacy.here(link) == ["Ann"], "the others went their way"
        assert not Archive.objects.exists(), "nothing is half made"
        with pytest.raises(CommandError, match="1 failed"):
            run("replay_webhooks")
        bug.pop()

        assert run("replay_webhooks") == "applied 1"

        (archive_id,) = legacy.vonage.archives
        assert legacy.status(archive_id) == "started"
        delivery = WebhookDelivery.objects.get(kind="archive.started")
        assert (delivery.verdict, delivery.error, delivery.attempts) == ("applied", "", 3)

    def test_the_vendor_s_own_repetition_applies_it_too(self, legacy: House, bug: list[MeetingExtension]) -> None:
        link = legacy.create(enableArchiving=True)
        legacy.vonage.connect(legacy.session_id(link))
        callback = legacy.vonage.callbacks_of("archive.started")[0]
        assert legacy.bring(callback).status_code == 500
        bug.pop()

        assert legacy.bring(callback).status_code == 204

        assert Archive.objects.get().status == "started"
        assert run("replay_webhooks") == "none"

    def test_of_what_was_applied_changes_nothing(self, legacy: House) -> None:
        link, _ = recorded(legacy)
        legacy.vonage.publish(legacy.join(link, "Bea"))
        legacy.deliver()
        shown = legacy.view(link)
        legacy.vonage.stop()  # it needs nothing of Vonage

        run("replay_webhooks", verdict=["applied", "unknown", "failed", "unmatched"])

        assert legacy.view(link) == shown

    def test_of_what_did_not_verify_is_none(self, legacy: House) -> None:
        link = legacy.create()
        legacy.vonage.register("session", secret="another-secret-0123456789abcdef-0123456789")
        legacy.vonage.connect(legacy.session_id(link), data="Eve")
        assert {legacy.bring(one).status_code for one in legacy.vonage.callbacks} == {401}

        assert run("replay_webhooks") == "none"

        assert legacy.attendees(link) == []
