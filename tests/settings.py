"""Settings of the tests: the project's own, with an environment that does not depend on who runs them.

DATABASE_URL and REDIS_URL are kept: they choose what the tests run on.
"""

import os

os.environ.update(
    DEBUG="true",
    SECRET_KEY="not-a-secret-and-only-for-tests-0123456789abcdef",
    JWT_SECRET="not-a-secret-either-and-only-for-tests-0123456789",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
)

from videoconf.settings import *  # noqa: F403
from videoconf.settings import CACHES, DATABASES, INSTALLED_APPS, VAR_DIR, VIDEOCONF_PROVIDERS

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, so that the threads of a live server do not share one connection; two runs at a time have two.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / f"test-{os.getpid()}.sqlite3")}
VAR_DIR.mkdir(exist_ok=True)
# Each worker of a parallel run empties its own cache after each test.
CACHES["default"]["KEY_PREFIX"] = f"videoconf-cache-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
VIDEOCONF_PROVIDERS["webrtc"]["OPTIONS"]["ALLOW_IN_MEMORY_LAYER"] = True  # a test is one process
INSTALLED_APPS.append("tests")  # its `flush` gets on with servers that are still running
