"""Debian's Chromium, driven by Playwright; no browser is ever downloaded."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Chromium without windows and menus, which takes a fifth less CPU time. Screenshots and benchmarks use one of the others,
# as users do.
SHELL = "chromium-headless-shell"
# What no test sees: suggestions of the address bar, with a renderer for each window, and renderers for later pages. They
# took 40 % of the CPU time of the tests in a browser.
UNSEEN = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess")
# Chromium takes the last `--disable-features` only: this repeats Playwright's.
PLAYWRIGHT_DISABLES = (
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join((*PLAYWRIGHT_DISABLES, *UNSEEN))}",
)


def find_chromium(*preferred: str) -> Path | None:
    """The browser of this machine, if it has one: one of `preferred`, else any that users have."""
    return next((Path(path) for name in (*preferred, *NAMES) if (path := shutil.which(name))), None)


def require_chromium() -> Path:
    """The browser of this machine, for a command; without one, the command ends with a sentence."""
    return find_chromium() or sys.exit("error: No browser is installed: `apt-get install chromium`.")


@contextmanager
def chromium(executable: Path, *flags: str) -> Iterator[Browser]:
    """A running browser, without a window; `flags` are added to those of all."""
    # Playwright takes it for a slow machine's fault when its own driver warns.
    os.environ.setdefault("NODE_NO_WARNINGS", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *flags], headless=True)
        try:
            yield browser
        finally:
            browser.close()
