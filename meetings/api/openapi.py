"""How drf-spectacular describes our fields and our authentication; importing this module registers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator

from meetings.api import examples
from meetings.api.fields import (
    LAST_EPOCH_MS,
    BooleanProperty,
    ChoiceProperty,
    InstantProperty,
    IntegerProperty,
    NumberProperty,
    ObjectProperty,
    StrictField,
    TextProperty,
)
from meetings.conf import conf


class StrictFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Our strict fields as JSON schema."""

    target_class = "meetings.api.fields.StrictField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return json_schema(self.target)


def json_schema(field: StrictField) -> dict[str, Any]:
    """Return the JSON schema of what a field takes."""
    match field:
        case BooleanProperty():
            return {"type": "boolean"}
        case ChoiceProperty():
            return {"type": "string", "enum": list(field.choices)}
        case IntegerProperty():
            return {"type": "integer", "minimum": field.min_value, "maximum": field.max_value}
        case NumberProperty():
            return {"type": "number"}
        case ObjectProperty():
            return {"type": "object", "additionalProperties": True}
        case InstantProperty():
            text = {"type": "string", "format": "date-time"}
            epoch = {
                "type": "number",
                "minimum": 0,
                "maximum": LAST_EPOCH_MS,
                "description": "Milliseconds since 1970.",
            }
            return {"oneOf": [text, epoch]} if field.allow_epoch else dict(text)
        case TextProperty():
            least = {"minLength": field.min_length} if field.min_length else {}
            return {"type": "string", "maxLength": field.max_length, **least}
        case _:
            return {}


class BearerExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer <JWT>`."""

    target_class = "meetings.api.callers.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class OwnEndpoints(EndpointEnumerator):
    """The operations of our viewsets: those that name their permissions."""

    def should_include_endpoint(self, path: str, callback: Any) -> bool:
        is_ours = isinstance(getattr(callback.cls, "permissions", None), Mapping) if hasattr(callback, "cls") else False
        return is_ours and bool(super().should_include_endpoint(path, callback))


class OwnSchemaGenerator(SchemaGenerator):
    """Describes our operations only: a host's own API is not ours to publish."""

    endpoint_inspector_cls = OwnEndpoints

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        document: dict[str, Any] = super().get_schema(request, public)  # type: ignore[no-untyped-call]
        document["paths"] |= webhook_paths()
        document["paths"] = {_wire_path(path): _wire_parameters(item) for path, item in document["paths"].items()}
        if conf.UNKNOWN_PROPERTIES == "refuse":
            _refuse_unknown_properties(document["components"]["schemas"])
        return document


PATH_NAMES = {"meeting_link": "meetingLinkId", "archive_id": "archiveId", "attendee_id": "attendeeId"}
"""Name of a path's part in our routes -> in the API document."""


def _wire_path(path: str) -> str:
    for ours, theirs in PATH_NAMES.items():
        path = path.replace("{" + ours + "}", "{" + theirs + "}")
    return path


def _wire_parameters(item: dict[str, Any]) -> dict[str, Any]:
    for operation in item.values():
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                parameter["name"] = PATH_NAMES.get(parameter["name"], parameter["name"])
    return item


def _refuse_unknown_properties(schemas: dict[str, Any]) -> None:
    for name, schema in schemas.items():
        if name.endswith("BodyRequest"):
            schema["additionalProperties"] = False


def webhook_paths() -> dict[str, Any]:
    """Return the two webhook operations, which are no viewsets: a vendor signs them, nobody has a permission."""
    alias = {"in": "path", "name": "alias", "required": True, "schema": {"type": "string"}}
    default = reverse("videoconf:webhook-session")
    return {
        default: {"post": _webhook("receiveSessionEvent", "The default provider's events.", 204)},
        f"{default.rpartition('/')[0]}/{{alias}}": {
            "post": {**_webhook("receiveProviderEvent", "The events of any provider.", 200), "parameters": [alias]}
        },
    }


def _webhook(operation_id: str, summary: str, success: int) -> dict[str, Any]:
    event = {"event": "connectionCreated", "sessionId": examples.SESSION, "connection": {"id": "c1", "data": "Ann"}}
    failed: dict[str, Any] = {
        str(status): {
            "description": text,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/ErrorAnswer"},
                    "examples": {"Answer": {"value": examples.error(status)}},
                }
            },
        }
        for status, text in WEBHOOK_ERRORS.items()
    }
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": f"{summary}\n\nSigned by the provider: a bearer JWT over the hash of the body.",
        "tags": ["Webhooks"],
        "security": [{"bearer": []}, {}],
        "requestBody": {
            "content": {"application/json": {"schema": {}, "examples": {"Join": {"value": event}}}},
        },
        "responses": {str(success): {"description": "Stored, and applied where it fits."}, **failed},
    }


WEBHOOK_ERRORS = {
    400: "The body is no event.",
    401: "The signature does not fit.",
    404: "There is no such provider, or the address lacks its token.",
    411: "The body's length is not known before it is read.",
    413: "The body is too large.",
    500: "Our error; the event is stored, and sending it again applies it.",
    503: "The signature is missing, or no secret is configured to check it.",
}
