-- Fills a migrated PostgreSQL database with 1,000,000 meetings, 5,000,000 attendees and what belongs to them, beside
-- what is there already. Some minutes; about 6 GB.   psql DATABASE -f bench/fill.sql
\set ON_ERROR_STOP on
SET session_replication_role = replica; -- no look-up of each foreign key
SET synchronous_commit = off;
CREATE TEMP TABLE dropped AS
  SELECT indexname, indexdef FROM pg_indexes
  WHERE tablename IN ('videoconf_meetings_meeting', 'videoconf_meetings_attendee', 'videoconf_meetings_connection',
                      'videoconf_meetings_attendancefact', 'videoconf_meetings_webhookdelivery')
    AND indexname NOT IN (SELECT conname FROM pg_constraint);
SELECT format('DROP INDEX %I', indexname) FROM dropped \gexec

INSERT INTO videoconf_meetings_meeting (id, session_id, meeting_link, is_scheduled, schedule_time, is_archived, start_time,
    end_time, ext_id, tenant, title, title_key, provider, end_to_end_encryption, disconnect_attempts, disconnect_error,
    deleted, created_on, modified_on, created_by, modified_by)
SELECT 10000000 + i, 'fill-' || i, 'fill' || i, i % 4 = 0, CASE WHEN i % 4 = 0 THEN made + interval '1 hour' END, false,
    made, made + interval '30 minutes', 'ext-' || i, '', 'Title ' || i, 'title ' || i, 'opentok', false, 0, '',
    i % 20 = 1, made, made, 'fill', 'fill'
FROM (SELECT i, now() - interval '1 minute' * (1000001 - i) AS made FROM generate_series(1, 1000000) i) m;

INSERT INTO videoconf_meetings_attendee (id, meeting_id, identity, attendee, is_deleted, created_on, modified_on, ext_id,
    ext_metadata, removed_by)
SELECT 100000000 + i, 10000001 + i / 5, 'ext:p' || i, 'Person ' || i, true, now(), now(), 'p' || i,
    '{"webhookPayload": {"event": "connectionDestroyed"}}', ''
FROM generate_series(0, 4999999) i;

INSERT INTO videoconf_meetings_connection (id, meeting_id, connection_id, attendee_id, joined_at, left_at, reason, name, role,
    socket, is_mute_due)
SELECT 100000000 + i, 10000001 + i / 5, 'c' || i, 100000000 + i, now(), now(), 'clientDisconnected', 'Person ' || i, '', '',
    false
FROM generate_series(0, 4999999) i;

INSERT INTO videoconf_meetings_attendancefact (id, meeting_id, kind, at, source, fact_key, connection_id, stream_id, payload,
    created_on)
SELECT 100000000 + i, 10000001 + i / 5, 'joined', now(), 'webhook', md5(i::text) || md5('x' || i), 'c' || i, '',
    '{"webhookPayload": {"event": "connectionCreated"}}', now()
FROM generate_series(0, 4999999) i;

INSERT INTO videoconf_meetings_webhookdelivery (id, provider, kind, session_id, verdict, dedupe_key, body, error, attempts,
    received_at, meeting_id)
SELECT 100000000 + i, 'opentok', 'connectionCreated', 'fill-' || (1 + i / 5), 'applied', md5(i::text) || md5('y' || i),
    '{"event": "connectionCreated"}', '', 1, now(), 10000001 + i / 5
FROM generate_series(0, 4999999) i;

SELECT indexdef FROM dropped \gexec
VACUUM ANALYZE;
