"""The admin of meetings. On a site of its own a host registers them as well: `site.register(Meeting, MeetingAdmin)`."""

from meetings.admin.attendees import AttendeeAdmin, ConnectionAdmin
from meetings.admin.evidence import AttendanceFactAdmin, WebhookDeliveryAdmin
from meetings.admin.meetings import MeetingAdmin

__all__ = ["AttendanceFactAdmin", "AttendeeAdmin", "ConnectionAdmin", "MeetingAdmin", "WebhookDeliveryAdmin"]
