"""Vonage Video (OpenTok): both of its environments, over its REST API."""

from meetings.providers.opentok.provider import OpenTokProvider

__all__ = ["OpenTokProvider"]
