"""HTTP and the meetings' sockets for an ASGI server."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videoconf.settings")
http_application = get_asgi_application()  # sets Django up, which the import below needs

from meetings.signaling.routing import websocket_urlpatterns  # noqa: E402
from videoconf.bounded_bodies import BoundedBodies  # noqa: E402

# Under ASGI each request has a thread of its own. A connection that is kept is kept by a thread that is gone: 300
# requests left 119 of them open on PostgreSQL. Persistent ones are for the WSGI server.
for database in connections.settings.values():
    database["CONN_MAX_AGE"] = 0

application = ProtocolTypeRouter(
    {
        "http": BoundedBodies(http_application),
        "websocket": AllowedHostsOriginValidator(URLRouter(websocket_urlpatterns)),
    }
)
