"""The meeting page in Chromium, against a server that was started for real."""

import pytest

pytest.register_assert_rewrite("tests.browser.people", "tests.browser.server")
