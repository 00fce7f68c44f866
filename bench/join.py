"""How long after `Join` the first picture of someone else is there: two pages, median of ten.

    .venv/bin/python bench/join.py [ROUNDS]

Starts a server and Chromium in a network namespace of their own (Linux; util-linux, iproute2). The camera is
Chromium's fake one with the page's own settings, 1280x720 for two people.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = ["unshare", "-n" if os.geteuid() == 0 else "-Urn", "sh", "-ec", 'ip link set lo up && exec "$@"', "sh"]
WITHIN = 30_000  # milliseconds that anything may take
CLOCK = """
  window.clock = new Promise((resolve) => {
    let pressed = 0;
    addEventListener("submit", () => { pressed = performance.now(); }, { capture: true, once: true });
    new MutationObserver((_, observer) => {
      const video = document.querySelector("video[aria-label='Picture of Ada']");
      if (!video) return;
      observer.disconnect();
      video.requestVideoFrameCallback((now) => resolve(now - pressed));
    }).observe(document, { childList: true, subtree: true, attributes: true });
  });
"""


def main(rounds: int) -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()

    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import FAKE_CONSENT, FAKE_DEVICES, FLAGS
    from tests.browser.server import Server

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder), GUEST_ROLE="publisher")
        server.start()
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*FLAGS, FAKE_DEVICES, FAKE_CONSENT]
        )
        times = []
        for _ in range(rounds):
            link = server.new_meeting()
            contexts = [browser.new_context() for _ in range(2)]
            for context in contexts:
                context.set_default_timeout(WITHIN)
            ada, bea = (context.new_page() for context in contexts)
            bea.add_init_script(CLOCK)
            for page, name in ((ada, "Ada"), (bea, "Bea")):
                page.goto(server.page(link))
                page.get_by_label("Your name").fill(name)
                page.get_by_label("Your camera").wait_for()  # she sees herself before she joins
                page.get_by_role("button", name="Join", exact=True).click()
                page.get_by_role("button", name="Leave", exact=True).wait_for()
            times.append(bea.evaluate("clock") / 1000)
            for context in contexts:
                context.close()
        browser.close()
        server.stop()
    print("seconds from Join to the first remote frame:", ", ".join(f"{time:.2f}" for time in times))
    print(f"median {statistics.median(times):.2f}, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        os.execvp(NAMESPACE[0], [*NAMESPACE, sys.executable, __file__, *sys.argv[1:]])
    sys.path.insert(0, str(ROOT))
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
