"""The forms of the admin. What a meeting may be is decided by the services; a form takes types and lengths."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminRadioSelect, AdminTextareaWidget, AdminTextInputWidget
from django.core.exceptions import ImproperlyConfigured, ValidationError

from meetings import strict_json
from meetings.envelope import PROVIDER_MESSAGES
from meetings.exceptions import VideoconfError
from meetings.models import Meeting
from meetings.providers.registry import aliases
from meetings.providers.types import Role

EXPECTED = (VideoconfError, ImproperlyConfigured)
"""What may go wrong without being a bug: it is told to the person."""
MAX_MINUTES = 30 * 24 * 60
MAX_OBJECT_BYTES = 64 * 1024

FIELD_OF_PATH = {
    "isScheduled": "is_scheduled",
    "scheduleTime": "schedule_time",
    "enableArchiving": "is_archived",
    "isArchived": "is_archived",
    "endToEndEncryption": "end_to_end_encryption",
    "maxParticipants": "max_participants",
    "provider": "provider",
    "accountName": "account_name",
    "bucket": "bucket",
    "endpoint": "endpoint",
    "domain": "domain",
    "name": "name",
    "data": "name",
}
"""Where a form shows the problem that a service has with a property of the API."""


VENDORS_WORDS = frozenset({"provider_refused", "provider_error"})


def told(error: Exception) -> str:
    """Return an expected error's sentence; of a vendor's words it says whose they are."""
    if isinstance(error, VideoconfError) and error.code in VENDORS_WORDS:
        return f"{PROVIDER_MESSAGES[error.code]} ({error.message})"
    return error.message if isinstance(error, VideoconfError) else str(error)


def add_refusal(form: forms.BaseForm, error: Exception) -> None:
    """Put an expected error into a form, next to the fields that it names."""
    problems = error.problems if isinstance(error, VideoconfError) else ()
    for problem in problems:
        field = FIELD_OF_PATH.get(problem.path)
        form.add_error(field if field in form.fields else None, problem.message)
    if not problems:
        form.add_error(None, told(error))


def refuse_control_characters(text: str) -> None:
    """Refuse what the API refuses in a text of one line."""
    for character in text:
        if unicodedata.category(character) == "Cc":
            raise ValidationError(f"It has the control character U+{ord(character):04X}, which is not allowed.")


class ObjectField(forms.CharField):
    """A JSON object, as strictly as the API takes it; empty is `None`."""

    widget = AdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else json.dumps(value, indent=2)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if not text:
            return None
        if len(text.encode()) > MAX_OBJECT_BYTES:
            raise ValidationError(f"It can have at most {MAX_OBJECT_BYTES} bytes.")
        try:
            found = strict_json.loads(text.encode())
        except strict_json.InvalidJSON as error:
            raise ValidationError(error.message) from error
        if not isinstance(found, dict):
            raise ValidationError('It must be a JSON object, for instance {"ward": 7}.')
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class ServiceForm(forms.ModelForm[Any]):
    """A form whose values go through a service; `refusal` is what that said about them."""

    refusal: ClassVar[Exception | None] = None

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.refusal is not None:
            add_refusal(self, self.refusal)


def _line(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=255,
        required=False,
        empty_value=None,
        validators=[refuse_control_characters],
        widget=AdminTextInputWidget,
        help_text=help_text,
    )


class MeetingForm(ServiceForm):
    """What staff may say about a meeting, new or not."""

    title = _line("Title")
    ext_id = _line("External id", "The calling application's own id of this meeting.")
    ext_metadata = ObjectField(label="External metadata", required=False, help_text="A JSON object, or nothing.")
    duration = forms.IntegerField(
        label="Duration (minutes)",
        required=False,
        min_value=1,
        max_value=MAX_MINUTES,
        help_text="Counted from the start; then the meeting ends by itself. Empty: it goes on until somebody ends it.",
    )
    max_participants = forms.IntegerField(
        label="Max participants",
        required=False,
        min_value=1,
        max_value=100_000,
        help_text="Empty: as many as the provider takes.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        when = self.fields.get("schedule_time")
        if when is not None:  # Django's widget gives its two boxes no name
            for part, name in zip(when.widget.widgets, ("Schedule date", "Schedule time"), strict=True):
                part.attrs["aria-label"] = name

    class Meta:
        model = Meeting
        fields: ClassVar[list[str]] = []  # the admin's fieldsets say which
        labels: ClassVar[dict[str, str]] = {
            "is_scheduled": "Scheduled",
            "is_archived": "Recorded from the first join",
            "schedule_time": "Schedule time",
        }
        help_texts: ClassVar[dict[str, str]] = {
            "is_scheduled": "A scheduled meeting can be joined from shortly before its time.",
        }


class NewMeetingForm(MeetingForm):
    """A meeting to be made."""

    provider = forms.ChoiceField(label="Provider", choices=lambda: [(alias, alias) for alias in aliases()])
    tenant = forms.CharField(
        label="Tenant",
        max_length=255,
        required=False,
        validators=[refuse_control_characters],
        widget=AdminTextInputWidget,
        help_text="Whose callers see the meeting. Empty: those without a tenant.",
    )


class JoinLinkForm(forms.Form):
    """Whom a join link is for."""

    name = forms.CharField(
        label="Name",
        max_length=255,
        validators=[refuse_control_characters],
        widget=AdminTextInputWidget(attrs={"autocomplete": "off", "autofocus": True}),
        help_text="Shown to the others, and in the list of attendees.",
    )
    role = forms.ChoiceField(
        label="Role",
        choices=[
            (Role.PUBLISHER, "Publisher: sees, hears and speaks"),
            (Role.MODERATOR, "Moderator: may also remove and mute others, and end the meeting"),
            (Role.SUBSCRIBER, "Subscriber: sees and hears only"),
        ],
        initial=Role.PUBLISHER,
        widget=AdminRadioSelect,
    )
    ext_id = _line(
        "External id", "Who it is in your own records. Links with the same id, or else the same name, are one attendee."
    )


class JoinCheckForm(JoinLinkForm):
    """Who wants to join; without a name, anybody."""

    name = forms.CharField(
        label="Name",
        max_length=255,
        required=False,
        validators=[refuse_control_characters],
        widget=AdminTextInputWidget(attrs={"autocomplete": "off", "autofocus": True}),
        help_text="As in her link.",
    )
