"""Debian's Chromium, driven by Playwright; no browser is ever downloaded."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> Path | None:
    """The browser of this machine, if it has one."""
    return next((Path(path) for name in NAMES if (path := shutil.which(name))), None)


def require_chromium() -> Path:
    """The browser of this machine, for a command; without one, the command ends with a sentence."""
    return find_chromium() or sys.exit("error: No browser is installed: `apt-get install chromium`.")


@contextmanager
def chromium(executable: Path) -> Iterator[Browser]:
    """A running browser, without a window."""
    # Playwright takes it for a slow machine's fault when its own driver warns.
    os.environ.setdefault("NODE_NO_WARNINGS", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS), headless=True)
        try:
            yield browser
        finally:
            browser.close()
