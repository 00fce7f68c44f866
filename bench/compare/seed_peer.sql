-- 1,000 meetings in the original's tables; its own interface would make them one by one, with links of its choice.
-- Meeting 1 gets 10 attendees, meeting 2 gets 1,000, every other one 5; every fifth of them has left. Each has an archive.
-- Prints what load.py reads: link, session id, archive id.
\set ON_ERROR_STOP on
CREATE FUNCTION pg_temp.session_id(n int) RETURNS text LANGUAGE sql AS $$ -- as Vonage's SDK reads it
  SELECT '2_' || translate(encode(convert_to('~4700001~~1700000000000~' || lpad(n::text, 9, '0') || '~~', 'UTF8'), 'base64'),
                           '+/=', '-_')
$$;
INSERT INTO videochatms.video_session_details (session_id, meeting_link, is_scheduled, schedule_time, is_archived, archive_id,
    start_time, created_on, modified_on, created_by, modified_by)
SELECT pg_temp.session_id(n), 'L' || lpad(n::text, 9, '0'), false, now(), true, 'arch' || n, now(), now(), now(), 'ut-1', 'ut-1'
FROM generate_series(1, 1000) n;
INSERT INTO videochatms.session_attendees (session_id, attendee, created_on, is_deleted, ext_metadata)
SELECT pg_temp.session_id(n), 'user-' || n || '-' || k, now(), k % 5 = 0,
    jsonb_build_object('webhookPayload', jsonb_build_object('event', 'connectionCreated', 'sessionId', pg_temp.session_id(n),
      'projectId', '4700001', 'timestamp', 1700000000000, 'connection', jsonb_build_object('id', 'c-' || n || '-' || k,
        'data', 'user-' || n || '-' || k, 'createdAt', 1700000000000)))
FROM generate_series(1, 1000) n, LATERAL generate_series(1, CASE n WHEN 1 THEN 10 WHEN 2 THEN 1000 ELSE 5 END) k;
VACUUM ANALYZE videochatms.video_session_details;
VACUUM ANALYZE videochatms.session_attendees;
COPY (SELECT meeting_link, session_id, archive_id FROM videochatms.video_session_details ORDER BY meeting_link) TO STDOUT;
