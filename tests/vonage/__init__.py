"""A stand-in for Vonage Video: its REST API and its callbacks, on this machine, strict and breakable.

    with StandIn(LegacyProject("123456", SECRET), retry_scale=0.01) as vonage:
        vonage.register("session", "http://127.0.0.1:8000/webhooks/session", SIGNATURE_SECRET)
        ...                                       # point the client at vonage.url, and create a session
        connection = vonage.connect(session_id, token=token)
        vonage.fail("POST /v2/project/*/archive", faults.status(409))

Needs the standard library, PyJWT and cryptography; `python -m tests.vonage` runs it alone, and `control` says how other
processes drive it.
"""

from tests.vonage import faults
from tests.vonage.auth import Application, LegacyProject, Project, TokenRefused, new_private_key
from tests.vonage.callbacks import Attempt, Callback, Kind, Manner
from tests.vonage.faults import Fault, unanswering_address
from tests.vonage.refusals import Refused
from tests.vonage.stand_in import StandIn

__all__ = [
    "Application",
    "Attempt",
    "Callback",
    "Fault",
    "Kind",
    "LegacyProject",
    "Manner",
    "Project",
    "Refused",
    "StandIn",
    "TokenRefused",
    "faults",
    "new_private_key",
    "unanswering_address",
]
