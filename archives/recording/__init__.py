"""Recordings of the embedded provider on their way in: consent, tracks, chunks, and when a recording runs."""
