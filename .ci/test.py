"""Runs the tests."""

import subprocess
import sys

sys.exit(
    subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "not browser and not postgres and not redis"]
    ).returncode
)
