"""Fixtures of other packages that the pages are tested with."""

from tests.sourceloop.conftest import original as original
