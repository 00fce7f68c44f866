"""Sessions of the original become meetings: new ones are stored, known ones merged with what was changed here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone

from meetings import extensions
from meetings.models import ImportedMeeting, Meeting
from meetings.sourceloop.report import Tally
from meetings.sourceloop.rows import OriginalMeeting, Raw, Unfit, original_id, read_meeting

GROUPS: dict[str, tuple[str, ...]] = {
    "schedule": ("is_scheduled", "schedule_time"),
    "archive": ("is_archived", "archive_id", "upload_target"),
    "start": ("start_time",),
    "end": ("end_time",),
    "ext_id": ("ext_id",),
    "ext_metadata": ("ext_metadata",),
    "deletion": ("deleted", "deleted_on", "deleted_by"),
    "audit": ("modified_on", "modified_by"),
}
"""Columns that are taken over together, because one says nothing without the other."""
AUDIT = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where meetings go: the provider that their sessions belong to, and the tenant that may see them."""

    provider: str
    tenant: str


@dataclass(slots=True, kw_only=True)
class Merge:
    """What follows from the three states of a meeting: theirs, ours, and theirs when it was last brought over."""

    taken: list[str]
    kept: list[str]
    marks: dict[str, str]

    @property
    def outcome(self) -> str:
        return "updated" if self.taken else "changed_here" if self.kept else "unchanged"


def import_meetings(raws: Sequence[Raw], place: Place) -> Tally:
    """Store a batch of `video_session_details` (inside the caller's transaction); safe to repeat."""
    tally = Tally(read=len(raws))
    rows = _readable(raws, tally)
    known = _known(rows)
    fresh: dict[str, OriginalMeeting] = {}
    links = {meeting.meeting_link for meeting in known.values()}
    stored: list[tuple[OriginalMeeting, Meeting]] = []
    for row in rows:
        meeting = known.get(row.session_id)
        problem = _problem(row, meeting, place)
        if problem is None and meeting is None:
            is_twice = row.session_id in fresh
            problem = "session_id_taken" if is_twice else "meeting_link_taken" if row.meeting_link in links else None
        if problem is not None:
            tally.skip(problem, row.id)
        elif meeting is None:
            fresh[row.session_id] = row
            links.add(row.meeting_link)
        else:
            stored.append((row, meeting))
    made = _make(fresh.values(), place)
    tally.created += len(made)
    changed = _merge_all(stored, tally)
    if made or changed:
        for extension in extensions.registered():
            extension.meetings_imported([*made, *changed])
    return tally


def _readable(raws: Sequence[Raw], tally: Tally) -> list[OriginalMeeting]:
    rows = []
    for raw in raws:
        try:
            rows.append(read_meeting(raw))
        except Unfit as unfit:
            tally.skip(unfit.reason, original_id(raw))
    return rows


def _known(rows: Sequence[OriginalMeeting]) -> dict[str, Meeting]:
    """Return the meetings here that have a session id or a link of these rows, by session id."""
    found = Meeting.objects.select_related("imported").filter(
        Q(session_id__in=[row.session_id for row in rows]) | Q(meeting_link__in=[row.meeting_link for row in rows])
    )
    return {meeting.session_id: meeting for meeting in found}


def _problem(row: OriginalMeeting, meeting: Meeting | None, place: Place) -> str | None:
    if meeting is None:
        return None
    there = (place.provider, place.tenant, row.meeting_link)
    if (meeting.provider, meeting.tenant, meeting.meeting_link) != there:
        return "session_id_taken"
    imported: ImportedMeeting | None = getattr(meeting, "imported", None)
    if imported is None:
        return "already_here"
    return None if imported.original_id == row.id else "session_id_taken"


def _make(rows: Any, place: Place) -> list[Meeting]:
    fresh = list(rows)
    made: list[Meeting] = Meeting.objects.bulk_create(
        [
            Meeting(
                session_id=row.session_id,
                meeting_link=row.meeting_link,
                provider=place.provider,
                tenant=place.tenant,
                **row.values,
            )
            for row in fresh
        ]
    )
    ImportedMeeting.objects.bulk_create(
        [
            ImportedMeeting(meeting=meeting, original_id=row.id, marks=marks_of(row.values))
            for meeting, row in zip(made, fresh, strict=True)
        ]
    )
    return made


def _merge_all(stored: Sequence[tuple[OriginalMeeting, Meeting]], tally: Tally) -> list[Meeting]:
    """Merge known meetings; those that differ are locked and looked at again, so that no change here is lost."""
    differing = {}
    for row, meeting in stored:
        merge = _merge(row, meeting)
        if merge.outcome == "unchanged" and merge.marks == meeting.imported.marks:
            tally.unchanged += 1
        else:
            differing[meeting.pk] = row
    changed = []
    rows = Meeting.objects.select_for_update(of=("self",), no_key=True)
    locked = rows.select_related("imported").filter(pk__in=differing)
    for meeting in locked.order_by("pk"):
        row = differing[meeting.pk]
        merge = _merge(row, meeting)
        tally.count(merge.outcome, row.id)
        _take(row, meeting, merge)
        if merge.taken:
            changed.append(meeting)
        if merge.taken and merge.kept:
            tally.keep(row.id)
    return changed


def _merge(row: OriginalMeeting, meeting: Meeting) -> Merge:
    imported = meeting.imported
    theirs, ours = marks_of(row.values), marks_of({name: getattr(meeting, name) for name in row.values})
    merge = Merge(taken=[], kept=[], marks=dict(imported.marks))
    for group, mark in theirs.items():
        before = imported.marks.get(group)
        if mark == ours[group]:
            merge.marks[group] = mark
        elif mark != before and ours[group] == before:
            merge.taken.append(group)
            merge.marks[group] = mark
        elif mark != before and group != AUDIT:
            merge.kept.append(group)
    return merge


def _take(row: OriginalMeeting, meeting: Meeting, merge: Merge) -> None:
    columns = [name for group in merge.taken for name in GROUPS[group]]
    for name in columns:
        setattr(meeting, name, row.values[name])
    if columns:
        Meeting.objects.filter(pk=meeting.pk).update(**{name: row.values[name] for name in columns})
    ImportedMeeting.objects.filter(pk=meeting.pk).update(marks=merge.marks, imported_on=timezone.now())


def marks_of(values: dict[str, Any]) -> dict[str, str]:
    """Return a hash of each group of columns."""
    return {group: _mark([values[name] for name in names]) for group, names in GROUPS.items()}


def _mark(values: list[Any]) -> str:
    told = json.dumps(values, sort_keys=True, default=lambda moment: moment.isoformat())
    return hashlib.sha256(told.encode()).hexdigest()[:16]
