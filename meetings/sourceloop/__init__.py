"""Moving the data of @sourceloop/video-conferencing-service here (docs/migrate-from-sourceloop.md)."""
