"""A host whose own app is called `meetings`."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.test import TestCase

from .callers import new_meeting


class OwnMeetingsTests(TestCase):
    def test_both_keep_their_tables_and_permissions(self) -> None:
        theirs: Any = apps.get_app_config("meetings").get_model("Meeting")
        ours: Any = apps.get_app_config("videoconf_meetings").get_model("Meeting")

        theirs.objects.create(topic="Budget")
        new_meeting(title="Ward round")

        assert (theirs.objects.count(), ours.objects.count()) == (1, 1)
        assert {theirs._meta.db_table, ours._meta.db_table} == {"meetings_meeting", "videoconf_meetings_meeting"}
        assert Permission.objects.filter(content_type__app_label="meetings", codename="add_meeting").count() == 1
        assert Permission.objects.filter(content_type__app_label="videoconf_meetings", codename="add_meeting").exists()

    def test_host_s_template_of_the_same_name_is_its_own(self) -> None:
        from django.template.loader import get_template

        assert get_template("meetings/meet.html").render() == "theirs"
        assert "theirs" not in get_template("videoconf_meetings/not_found.html").render()
