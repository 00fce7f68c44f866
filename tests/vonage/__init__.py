"""A stand-in for Vonage Video: its REST API and its callbacks, on this machine, strict and breakable.

    with StandIn(LegacyProject("123456", SECRET)) as vonage:
        ...                                       # point the client at vonage.url

Needs the standard library, PyJWT and cryptography; `python -m tests.vonage` runs it alone.
"""

from tests.vonage import faults
from tests.vonage.auth import Application, LegacyProject, Project, TokenRefused, new_private_key
from tests.vonage.faults import Fault, unanswering_address
from tests.vonage.stand_in import StandIn

__all__ = [
    "Application",
    "Fault",
    "LegacyProject",
    "Project",
    "StandIn",
    "TokenRefused",
    "faults",
    "new_private_key",
    "unanswering_address",
]
