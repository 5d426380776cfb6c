"""A real Chromium without a window, which writes down what its pages say and ask for."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.support.wait import WebDriverWait

REQUIRED = os.environ.get("AZSWEEP_TEST_BROWSER") == "required"
CHROMIUM = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
QUIET = (
    "--headless=new",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--disable-dev-shm-usage",
    "--lang=en-GB",
    "--hide-scrollbars",
)
NO_NETWORK = (
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",  # nobody listens there
    "--proxy-bypass-list=<-loopback>",
)
LOCALHOST_ALONE = ("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1", "--no-proxy-server")
WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
NO_WEBGL = ("--disable-3d-apis", "--disable-gpu")


class Browser:
    """One window.

    Args:
        driver: for what the methods here do not offer.
    """

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, page: Path | str, *, size: tuple[int, int] = (1366, 768)) -> None:
        """Show a file or an address in a window of `size`; what earlier pages said and asked for is forgotten."""
        self.driver.get("about:blank")
        self.messages()
        self.requests()
        self.resize(size)
        self.driver.get(page.as_uri() if isinstance(page, Path) else page)

    def resize(self, size: tuple[int, int], *, zoom: float = 1) -> None:
        """Give the page so many CSS pixels at `zoom`, whatever the window's frame takes."""
        width, height = (int(length / zoom) for length in size)
        metrics = {"width": width, "height": height, "deviceScaleFactor": zoom, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, **features: str) -> None:
        """Set what the page's media queries see: `prefer(prefers_color_scheme="dark")`."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the JavaScript function's body returns; a promise is awaited."""
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, script: str, *arguments: Any, seconds: float = 60) -> Any:
        """The first true value of the JavaScript expression."""
        wait: WebDriverWait[Chrome] = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        return wait.until(lambda _: self.run(f"return {script}", *arguments), f"never true: {script}")

    def messages(self) -> list[str]:
        """Errors in the console since asked, with uncaught exceptions and loads that failed or were refused."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        """The addresses that pages asked for since this was last called."""
        entries = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        events = [json.loads(entry["message"])["message"] for entry in entries]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def screenshot(self, path: Path) -> Path:
        """A picture of the whole page, beyond the window too."""
        self.run("scrollTo(0, 0)")
        size = self.run(
            "const { scrollWidth: width, scrollHeight: height } = document.documentElement; return { width, height }"
        )
        clip = {"x": 0, "y": 0, "scale": 1, **size}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))
        return path


def missing() -> str | None:
    """Why there is no browser to be had, None if there is one."""
    if CHROMIUM.exists() and DRIVER.exists():
        return None
    return "no Chromium: on Debian, `apt-get install --no-install-recommends chromium chromium-driver` brings it"


@contextmanager
def running(profile: Path, *, localhost: bool = False, webgl: bool = True) -> Iterator[Browser]:
    """A new Chromium, which reaches nothing but files or, if wanted, servers on this machine.

    Args:
        profile: an empty directory.
    """
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for argument in (
        *QUIET,
        *(LOCALHOST_ALONE if localhost else NO_NETWORK),
        *(WEBGL if webgl else NO_WEBGL),
        *(("--no-sandbox",) if os.getuid() == 0 else ()),
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    driver = Chrome(options=options, service=ChromeService(str(DRIVER)))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
