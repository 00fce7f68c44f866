"""Sessions of the original become meetings: column by column, again and again, with changes on both sides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from archives.models import Archive
from meetings import services
from meetings.models import ImportedMeeting, Meeting
from tests.callers import ApiClient
from tests.factories import MeetingFactory
from tests.sourceloop.original import SESSIONS, Original, counts_of

pytestmark = pytest.mark.postgres
MOMENTS = {
    name: datetime(2024, 5, number, 10, 30, 15, 123456, tzinfo=UTC)
    for number, name in enumerate(("created_on", "modified_on", "schedule_time", "start_time", "end_time"), start=1)
}


def rows() -> list[dict[str, Any]]:
    """Return every row that a move of sessions may touch."""
    models: tuple[Any, ...] = (Meeting, ImportedMeeting, Archive)
    return [row for model in models for row in model.objects.order_by("pk").values()]


def test_every_column_arrives_as_it_was(any_original: Original) -> None:
    texts = {name: f"the {name}" for name in ("archive_id", "upload_target", "created_by", "modified_by", "ext_id")}
    values: dict[str, Any] = (
        MOMENTS | texts | {"is_scheduled": True, "is_archived": True, "ext_metadata": {"a": [1, 2.5, "ß"]}}
    )
    any_original.session(**values)

    report = any_original.move("--tenant", "acme", "--provider", "memory")

    assert counts_of(report[SESSIONS]) == {"created": 1}
    meeting = Meeting.objects.get()
    assert {name: getattr(meeting, name) for name in values} == values
    assert (meeting.session_id, meeting.meeting_link) == ("2_one", "link-one")
    assert (meeting.tenant, meeting.provider, meeting.title) == ("acme", "memory", None)
    assert (meeting.deleted, meeting.deleted_on, meeting.deleted_by) == (False, None, None)


def test_bare_row_arrives_too(any_original: Original) -> None:
    any_original.session(created_on=MOMENTS["created_on"])

    any_original.move()

    meeting = Meeting.objects.get()
    assert (meeting.provider, meeting.tenant, meeting.created_by, meeting.modified_by) == ("opentok", "", "", "")
    assert meeting.created_on == meeting.modified_on == MOMENTS["created_on"]
    assert (meeting.start_time, meeting.end_time, meeting.ext_metadata) == (None, None, None)


def test_only_deleted_says_that_a_row_is_deleted(original: Original) -> None:
    original.session("live", deleted_by="nobody")
    original.session("gone", deleted=True, deleted_by="Zoe", deleted_on=MOMENTS["end_time"])

    original.move()

    live, gone = Meeting.objects.order_by("pk")
    assert (live.deleted, live.deleted_on, live.deleted_by) == (False, None, None)
    assert (gone.deleted, gone.deleted_on, gone.deleted_by) == (True, MOMENTS["end_time"], "Zoe")


def test_row_deleted_before_there_was_a_time_was_deleted_when_it_was_last_changed(
    transactional_db: None, original: Original
) -> None:
    original.drop()
    original.make(later_columns=False)
    original.session(deleted=True, modified_on=MOMENTS["modified_on"])

    original.move()

    assert Meeting.objects.get().deleted_on == MOMENTS["modified_on"]


@pytest.mark.parametrize("options", [[], ["--batch-size", "2"], ["--from-database", "default"]])
def test_second_run_changes_nothing(any_original: Original, options: list[str]) -> None:
    for number in range(5):
        any_original.session(str(number), archive_id=f"a{number}", ext_metadata={"n": number, "x": 0.1}, **MOMENTS)
    any_original.move(*options)
    before = rows()

    assert counts_of(any_original.move(*options)[SESSIONS]) == {"unchanged": 5}
    assert rows() == before


def test_newest_meeting_of_the_original_is_the_newest_here(original: Original, owner: ApiClient) -> None:
    for name in ("z", "a", "m"):
        original.session(name)

    original.move("--batch-size", "2")

    listed = [meeting["meetingLink"] for meeting in owner.get("/session").json()["results"]]
    assert listed == ["link-m", "link-a", "link-z"]


class TestDryRun:
    def test_stores_nothing_and_tells_the_same(self, original: Original) -> None:
        kept, changed = original.session("kept"), original.session("changed")
        original.move()
        original.change(SESSIONS, changed, ext_id="new")
        original.session("fresh", archive_id="a")
        original.session("broken", meeting_link=None)
        for session in ("kept", "fresh", "broken", "nowhere"):
            for name in ("Ann", "Bea"):
                original.attendee(name, session)
        before = rows()

        foretold = original.move("--dry-run", "--batch-size", "3")

        assert rows() == before
        assert original.move("--batch-size", "3") == foretold
        assert counts_of(foretold[SESSIONS]) == {
            "created": 1,
            "updated": 1,
            "unchanged": 1,
            "skipped": {"meeting_link_missing": [str(kept + 3)]},
        }
        assert rows() != before


class TestChanges:
    def test_made_there_is_taken(self, original: Original) -> None:
        row = original.session()
        original.move()
        original.change(
            SESSIONS, row, ext_id="e", ext_metadata={"b": 1}, end_time=MOMENTS["end_time"], modified_by="Zoe"
        )

        assert counts_of(original.move()[SESSIONS]) == {"updated": 1}
        meeting = Meeting.objects.get()
        assert (meeting.ext_id, meeting.ext_metadata, meeting.end_time) == ("e", {"b": 1}, MOMENTS["end_time"])
        assert meeting.modified_by == "Zoe"
        assert counts_of(original.move()[SESSIONS]) == {"unchanged": 1}

    def test_deletion_and_its_end_are_taken(self, original: Original) -> None:
        row = original.session()
        original.move()
        original.change(SESSIONS, row, deleted=True, deleted_by="Zoe")
        original.move()
        assert Meeting.objects.get().deleted_by == "Zoe"

        original.change(SESSIONS, row, deleted=False)
        original.move()

        assert Meeting.objects.alive().get().deleted_by is None

    def test_made_here_stays(self, original: Original) -> None:
        original.session(ext_id="theirs")
        original.move()
        services.edit_meeting(Meeting.objects.get(), {"ext_id": "ours", "title": "Ours"}, actor="me")

        assert counts_of(original.move()[SESSIONS]) == {"unchanged": 1}
        assert (Meeting.objects.get().ext_id, Meeting.objects.get().title) == ("ours", "Ours")

    def test_made_on_both_sides_is_ours_and_reported_each_time(self, original: Original) -> None:
        row = original.session(ext_id="first")
        original.move()
        services.edit_meeting(Meeting.objects.get(), {"ext_id": "ours"}, actor="me")
        original.change(SESSIONS, row, ext_id="theirs")

        for _ in range(2):
            assert counts_of(original.move()[SESSIONS]) == {"skipped": {"changed_here": [str(row)]}}
            assert (Meeting.objects.get().ext_id, Meeting.objects.get().modified_by) == ("ours", "me")

    def test_of_different_things_are_both_kept(self, original: Original) -> None:
        row = original.session(ext_id="first")
        original.move()
        meeting = Meeting.objects.get()
        meeting.mark_started(MOMENTS["start_time"])
        original.change(SESSIONS, row, end_time=MOMENTS["end_time"])

        assert counts_of(original.move()[SESSIONS]) == {"updated": 1}
        meeting.refresh_from_db()
        assert (meeting.start_time, meeting.end_time) == (MOMENTS["start_time"], MOMENTS["end_time"])

    def test_that_are_taken_in_part_are_told(self, original: Original) -> None:
        row = original.session(ext_id="first")
        original.move()
        services.edit_meeting(Meeting.objects.get(), {"ext_id": "ours"}, actor="me")
        original.change(SESSIONS, row, ext_id="theirs", end_time=MOMENTS["end_time"])

        assert counts_of(original.move()[SESSIONS]) == {"updated": 1, "kept": [str(row)]}
        assert (Meeting.objects.get().ext_id, Meeting.objects.get().end_time) == ("ours", MOMENTS["end_time"])

    def test_that_are_the_same_on_both_sides_leave_ours_free_to_change(self, original: Original) -> None:
        row = original.session(ext_id="first")
        original.move()
        services.edit_meeting(Meeting.objects.get(), {"ext_id": "same"}, actor="me")
        original.change(SESSIONS, row, ext_id="same")
        assert counts_of(original.move()[SESSIONS]) == {"unchanged": 1}

        services.edit_meeting(Meeting.objects.get(), {"ext_id": "ours"}, actor="me")

        assert counts_of(original.move()[SESSIONS]) == {"unchanged": 1}

    def test_that_mend_a_broken_row_bring_it(self, original: Original) -> None:
        row = original.session(meeting_link=None)
        original.move()
        original.change(SESSIONS, row, meeting_link="mended")

        assert counts_of(original.move()[SESSIONS]) == {"created": 1}


BROKEN = [
    ("meeting_link_missing", {"meeting_link": None}),
    ("meeting_link_missing", {"meeting_link": ""}),
    ("meeting_link_not_servable", {"meeting_link": "a/b"}),
    ("meeting_link_not_servable", {"meeting_link": "l" * 33}),
    ("meeting_link_not_servable", {"meeting_link": "größe"}),
    ("meeting_link_not_servable", {"meeting_link": "link\n"}),
    ("session_id_missing", {"session_id": ""}),
    *(
        ("text_too_long", {name: "x" * 256})
        for name in ("session_id", "archive_id", "upload_target", "ext_id", "created_by", "modified_by")
    ),
    ("text_too_long", {"deleted_by": "x" * 256, "deleted": True}),
    *(("ext_metadata_not_an_object", {"ext_metadata": value}) for value in ("[1]", '"x"', "5", "true")),
    ("ext_metadata_unstorable", {"ext_metadata": '{"a": 1' + "0" * 500 + "}"}),
    ("ext_metadata_unstorable", {"ext_metadata": "[" * 70 + "]" * 70}),
    *(("time_unreadable", {"start_time": moment}) for moment in ("infinity", "10001-01-01", "0044-03-15 BC")),
    ("time_unreadable", {"created_on": "-infinity"}),
]


@pytest.mark.parametrize(("reason", "values"), BROKEN)
def test_broken_row_is_reported_and_left_out(original: Original, reason: str, values: dict[str, Any]) -> None:
    original.session("before")
    broken = original.session("broken", **values)
    original.session("after")
    original.attendee("Ann", "broken")

    report = original.move()

    assert counts_of(report[SESSIONS]) == {"created": 2, "skipped": {reason: [str(broken)]}}
    assert list(Meeting.objects.order_by("pk").values_list("session_id", flat=True)) == ["2_before", "2_after"]


@pytest.mark.parametrize(
    "text", ['{"a": "x\\u0000y"}', '{"a": "\\ud800"}', '{"a": NaN}', '{"a": 1, "a": 2}', "{", '{"a": 1e999}']
)
def test_metadata_in_a_column_that_holds_anything_is_read_with_care(original: Original, text: str) -> None:
    original.execute("ALTER TABLE {schema}.video_session_details ALTER ext_metadata TYPE text")
    broken = original.session(ext_metadata=text)

    assert counts_of(original.move()[SESSIONS]) == {"skipped": {"ext_metadata_unstorable": [str(broken)]}}


def test_json_null_is_no_metadata_and_longer_links_are_fine(original: Original) -> None:
    original.session(meeting_link="V1StGXR8_Z5jdHi6B-myT", ext_metadata="null")

    assert counts_of(original.move()[SESSIONS]) == {"created": 1}
    assert Meeting.objects.get().ext_metadata is None


def test_report_names_twenty_and_counts_all(original: Original) -> None:
    first = original.session("0", meeting_link=None)
    for number in range(1, 30):
        original.session(str(number), meeting_link=None)

    skipped = original.move("--batch-size", "7")[SESSIONS]["skipped"]["meeting_link_missing"]

    assert skipped == {"count": 30, "examples": [str(first + number) for number in range(20)]}


class TestWhatIsHereAlready:
    @pytest.mark.parametrize("other", [{"tenant": "b"}, {"provider": "webrtc"}, {"meeting_link": "elsewhere"}])
    def test_session_of_another_tenant_provider_or_link_is_left_alone(
        self, original: Original, other: dict[str, str]
    ) -> None:
        here = {"tenant": "a", "provider": "opentok", "meeting_link": "link-one"} | other
        MeetingFactory.create(session_id="2_one", **here)
        row = original.session()
        original.attendee()

        report = original.move("--tenant", "a")

        assert counts_of(report[SESSIONS]) == {"skipped": {"session_id_taken": [str(row)]}}
        assert counts_of(report["session_attendees"]) == {"skipped": {"session_skipped": [str(row)]}}
        assert Meeting.objects.get().attendees.count() == 0

    def test_link_of_another_meeting_is_not_given_twice(self, original: Original) -> None:
        MeetingFactory.create(meeting_link="link-one")
        row = original.session()

        assert counts_of(original.move()[SESSIONS]) == {"skipped": {"meeting_link_taken": [str(row)]}}

    def test_meeting_that_was_made_here_is_left_alone(self, original: Original) -> None:
        MeetingFactory.create(session_id="2_one", meeting_link="link-one", provider="opentok")
        row = original.session(ext_id="theirs")

        assert counts_of(original.move()[SESSIONS]) == {"skipped": {"already_here": [str(row)]}}

    def test_second_tenant_does_not_get_the_first_ones_meetings(self, original: Original) -> None:
        row = original.session()
        original.move("--tenant", "a")

        assert counts_of(original.move("--tenant", "b")[SESSIONS]) == {"skipped": {"session_id_taken": [str(row)]}}
        assert Meeting.objects.get().tenant == "a"

    @pytest.mark.parametrize("size", ["1", "10"])
    def test_tables_without_unique_keys_give_each_session_and_link_once(self, original: Original, size: str) -> None:
        for column in ("session_id", "meeting_link"):
            original.execute(
                f"ALTER TABLE {{schema}}.video_session_details DROP CONSTRAINT video_session_details_{column}_key"
            )
        first = original.session()
        original.session(meeting_link="other")
        original.session("two", meeting_link="link-one")

        report = original.move("--batch-size", size)

        assert counts_of(report[SESSIONS]) == {
            "created": 1,
            "skipped": {"session_id_taken": [str(first + 1)], "meeting_link_taken": [str(first + 2)]},
        }


class TestArchives:
    def test_archive_of_the_original_can_be_asked_for(self, original: Original) -> None:
        original.session(archive_id="a1", start_time=MOMENTS["start_time"], created_by="Zoe")
        original.session("deleted", archive_id="a2", deleted=True)
        original.session("without")

        original.move("--tenant", "acme")

        archive = Archive.objects.get()
        assert (archive.archive_id, archive.provider, archive.tenant) == ("a1", "opentok", "acme")
        assert (archive.status, archive.is_running, archive.created_on) == ("stopped", False, MOMENTS["start_time"])

    def test_archive_that_comes_later_is_brought_and_the_first_stays(self, original: Original) -> None:
        row = original.session(archive_id="a1")
        original.move()
        original.change(SESSIONS, row, archive_id="a2")

        original.move()

        assert set(Archive.objects.values_list("archive_id", flat=True)) == {"a1", "a2"}
