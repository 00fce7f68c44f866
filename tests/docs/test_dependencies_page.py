"""docs/dependencies.md against what is declared: each package has its reason."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser

from tests.docs.pages import DOCS, ROOT


def declared() -> set[str]:
    """Return the packages that the wheel, its extras and npm's development part name."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    found = {re.split(r"[\[><=~ ]", line, maxsplit=1)[0] for text in texts for line in text.split("\n") if line}
    return found | set(json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"])


def test_every_declared_package_has_its_reason() -> None:
    page = (DOCS / "dependencies.md").read_text(encoding="utf-8").lower()

    assert {
        name for name in declared() if not re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", page)
    } == set()
