"""The tracks one by one, in a ZIP."""

from __future__ import annotations

import io
import json
import zipfile

import av
import pytest
from av.container import InputContainer

from archives.media.finish import Unusable
from tests.media.composing import complete
from tests.media.conftest import NewMeeting
from tests.media.making import START, Meeting, Take, chunks

TAKE = Take(start=1500, length=6000, width=96, height=64, fps=10)


def opened(content: bytes) -> InputContainer:
    return av.open(io.BytesIO(content), "r")


@pytest.fixture
def meeting(new_meeting: NewMeeting) -> Meeting:
    made = new_meeting(output="individual")
    made.add_person("ann", "Ann Łuk")
    return made


def test_each_track_is_a_file_that_seeks(meeting: Meeting) -> None:
    meeting.add_track("t1", "ann", TAKE)
    meeting.add_track("t2", "ann", Take(length=2000, has_video=False))
    meeting.write(end=8000)
    report = complete(meeting)
    with zipfile.ZipFile(meeting.folder / "archive.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["archive.json", "t1.webm", "t2.webm"]
        files = {name: archive.read(name) for name in archive.namelist()}
    with opened(files["t1.webm"]) as file:
        assert [stream.codec_context.name for stream in file.streams] == ["vp8", "opus"]
        assert abs((file.duration or 0) / 1e6 - 6.0) <= 0.1
        assert len(list(file.decode(video=0))) == 60
        for seconds in (4.5, 0.0, 2.5):
            file.seek(int(seconds * 1e6))
            frame = next(file.decode(video=0))
            assert seconds - 2.1 <= float(frame.time or 0) <= seconds
            assert frame.key_frame
    with opened(files["t2.webm"]) as file:
        assert [stream.codec_context.name for stream in file.streams] == ["opus"]
    assert report["duration"] == 8000
    assert (report["hasAudio"], report["hasVideo"]) == (True, True)


def test_the_manifest_has_vonage_s_shape(meeting: Meeting) -> None:
    meeting.add_track("t1", "ann", TAKE)
    meeting.write(end=8000)
    complete(meeting)
    with zipfile.ZipFile(meeting.folder / "archive.zip") as archive:
        manifest = json.loads(archive.read("archive.json"))
        size = archive.getinfo("t1.webm").file_size
    (entry,) = manifest.pop("files")
    assert manifest == {
        "createdAt": START, "duration": 8, "id": "archive-1", "name": "Weekly", "sessionId": "session-1",
    }  # fmt: skip
    assert (entry["filename"], entry["streamId"], entry["size"]) == ("t1.webm", "t1", size)
    assert entry["connectionData"] == "Ann Łuk"
    assert entry["startTimeOffset"] == 1500
    assert 7300 <= entry["stopTimeOffset"] <= 7500


def test_what_was_not_recorded_is_not_in_it(meeting: Meeting) -> None:
    meeting.job["spans"] = [[START, START + 3000], [START + 5000, None]]
    meeting.add_track("t1", "ann", TAKE)
    meeting.write(end=8000)
    assert complete(meeting)["duration"] == 6000
    with zipfile.ZipFile(meeting.folder / "archive.zip") as archive:
        content = archive.read("t1.webm")
    with opened(content) as file:
        stamps = [packet.pts * packet.time_base for packet in file.demux() if packet.pts is not None]
    times = [1500 + float(stamp) * 1000 for stamp in stamps]
    assert times
    assert not [time for time in times if 3001 < time < 4999]


def test_a_hole_is_noted_and_a_broken_track_left_out(meeting: Meeting) -> None:
    pieces = chunks(TAKE)
    before = b"".join(pieces[:3])
    meeting.add_track("t1", "ann", before + b"".join(pieces[4:]), gaps=[len(before)])
    meeting.add_track("t2", "ann", b"<html>")
    meeting.write(end=8000)
    report = complete(meeting)
    assert [note["track"] for note in report["missing"]] == ["t2", "t1"]
    with zipfile.ZipFile(meeting.folder / "archive.zip") as archive:
        assert sorted(archive.namelist()) == ["archive.json", "t1.webm"]


def test_nothing_at_all_is_said_in_a_sentence(meeting: Meeting) -> None:
    meeting.add_track("t1", "ann", b"<html>")
    meeting.write(end=8000)
    with pytest.raises(Unusable, match="No recording holds"):
        complete(meeting)
