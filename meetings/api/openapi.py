"""How drf-spectacular describes our fields and our authentication; importing this module registers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator

from meetings.api.fields import (
    BooleanProperty,
    ChoiceProperty,
    InstantProperty,
    IntegerProperty,
    NumberProperty,
    ObjectProperty,
    StrictField,
    TextProperty,
)


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
            epoch = {"type": "integer", "minimum": 0, "description": "Milliseconds since 1970."}
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
