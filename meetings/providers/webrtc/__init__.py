"""The embedded provider: browsers meet each other directly, we do the signalling."""

from meetings.providers.webrtc.provider import WebRTCProvider

__all__ = ["WebRTCProvider"]
