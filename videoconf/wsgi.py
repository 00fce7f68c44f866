"""The API, the admin and the pages for a WSGI server; sockets need asgi.py."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videoconf.settings")
application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018  # imports all that answers, now and not at the first request

# What is imported stays: the collector need not look through it for ever, nor write on pages that processes share.
gc.collect()
gc.freeze()
