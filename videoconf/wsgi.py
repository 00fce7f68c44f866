"""The API, the admin and the pages for a WSGI server; sockets need asgi.py."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videoconf.settings")
application = get_wsgi_application()
