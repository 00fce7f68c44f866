-- The load's people are called w<run>-…, their connections c-w<run>-…. Each meeting of the seed has an archive, none of
-- the load's has. The ids of bench/fill.sql begin at 10,000,000 (meetings) and 100,000,000 (all else): none is looked at.
DELETE FROM videoconf_meetings_connection WHERE id < 100000000 AND connection_id ~ '^c-w[0-9]+-';
DELETE FROM videoconf_meetings_attendee WHERE id < 100000000 AND attendee ~ '^w[0-9]+-';
DELETE FROM videoconf_meetings_attendancefact WHERE id < 100000000 AND connection_id ~ '^c-w[0-9]+-';
DELETE FROM videoconf_meetings_webhookdelivery WHERE id < 100000000 AND body ~ '"id": *"c-w[0-9]+-';
DELETE FROM videoconf_meetings_meeting meeting
  WHERE id < 10000000 AND NOT EXISTS (SELECT FROM videoconf_archives_archive WHERE meeting_id = meeting.id);
VACUUM videoconf_meetings_connection;
VACUUM videoconf_meetings_attendee;
VACUUM videoconf_meetings_attendancefact;
VACUUM videoconf_meetings_webhookdelivery;
VACUUM videoconf_meetings_meeting;
