"""PostgreSQL: a function that stores a first connection; `meetings.first_sight` says what and why."""

from __future__ import annotations

from typing import Any

from django.db import migrations

CREATE = """
create or replace function videoconf_first_sight(
  p_provider text, p_session text, p_kind text, p_key text, p_body text, p_received timestamptz, p_now timestamptz,
  p_identity text, p_name text, p_joined timestamptz, p_at timestamptz, p_ext text, p_metadata jsonb,
  p_connection text, p_role text, p_fact text, p_payload jsonb,
  out o_meeting bigint, out o_attendee bigint, out o_is_first boolean
) language plpgsql as $$
declare
  v_end timestamptz;
  v_delivery bigint;
  v_meeting bigint;
begin
  select m.id, m.end_time into v_meeting, v_end from videoconf_meetings_meeting m
    where m.provider = p_provider and m.session_id = p_session for update;
  if not found or v_end is not null
    or exists (select 1 from videoconf_meetings_connection c
               where c.meeting_id = v_meeting and c.connection_id = p_connection)
    or exists (select 1 from videoconf_meetings_attendancefact f
               where f.meeting_id = v_meeting and f.kind = 'session_ended' and f.at > p_joined)
    or exists (select 1 from videoconf_meetings_webhookdelivery d where d.dedupe_key = p_key)
  then
    return;
  end if;
  insert into videoconf_meetings_attendee
    (meeting_id, identity, attendee, is_deleted, created_on, modified_on, ext_id, ext_metadata, removed_by)
    values (v_meeting, p_identity, p_name, false, p_joined, p_at, p_ext, p_metadata, '')
    on conflict do nothing returning id into o_attendee;
  if o_attendee is null then
    return;
  end if;
  o_meeting := v_meeting;
  o_is_first := not exists (select 1 from videoconf_meetings_connection c where c.meeting_id = v_meeting);
  insert into videoconf_meetings_connection
    (meeting_id, connection_id, attendee_id, joined_at, reason, name, role, socket, is_mute_due)
    values (v_meeting, p_connection, o_attendee, p_joined, '', p_name, p_role, '', false);
  insert into videoconf_meetings_webhookdelivery
    (provider, kind, session_id, verdict, dedupe_key, body, error, attempts, received_at, applied_at, meeting_id)
    values (p_provider, p_kind, p_session, 'applied', p_key, p_body, '', 1, p_received, p_now, v_meeting)
    returning id into v_delivery;
  insert into videoconf_meetings_attendancefact
    (meeting_id, kind, at, source, fact_key, connection_id, stream_id, payload, delivery_id, created_on)
    values (v_meeting, 'joined', p_at, 'webhook', p_fact, p_connection, '', p_payload, v_delivery, p_now);
end
$$
"""
DROP = (
    "drop function if exists videoconf_first_sight(text, text, text, text, text, timestamptz, timestamptz, text, text, "
    "timestamptz, timestamptz, text, jsonb, text, text, text, jsonb)"
)


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP)


class Migration(migrations.Migration):
    dependencies = (("videoconf_meetings", "0005_plain_unique"),)
    operations = (migrations.RunPython(create, drop, elidable=False),)
