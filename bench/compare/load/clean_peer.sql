-- The load's people are called w<run>-…, the seed's user-…; the seed's links are L followed by nine digits.
DELETE FROM videochatms.session_attendees WHERE attendee ~ '^w[0-9]+-';
DELETE FROM videochatms.video_session_details WHERE meeting_link !~ '^L[0-9]{9}$';
VACUUM videochatms.session_attendees;
VACUUM videochatms.video_session_details;
