"""A headless Chromium driven through chromedriver's W3C protocol; no package needed."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest

OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
OWN = ["--disable-background-networking", "--no-first-run", "--disable-component-update"]

DRAWN = """
return [...document.querySelectorAll("figure.plot")]
  .every((figure) => figure.querySelector(".xtick"));
"""


class Browser:
    """One page at a time."""

    def __init__(self, port, width, height):
        self.base = f"http://127.0.0.1:{port}/session"
        chrome = {
            "args": [*OPTIONS, *OWN, f"--window-size={width},{height}"],
            "mobileEmulation": {
                "deviceMetrics": {"width": width, "height": height, "pixelRatio": 1}
            },
        }
        wanted = {
            "goog:chromeOptions": chrome,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        found = self._send("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self.base += "/" + found["sessionId"]

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, path):
        """Until every plot of the page is drawn, which Plotly does after the page has loaded."""
        self._send("POST", "/url", {"url": path.absolute().as_uri()})
        end = time.monotonic() + 60
        while not self.run(DRAWN):
            assert time.monotonic() < end, f"{path}: a plot is not drawn within a minute"
            time.sleep(0.1)

    def run(self, script, *arguments):
        """The value of a JavaScript function body."""
        return self._send("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def console(self):
        """Errors and warnings on the console."""
        return [e["message"] for e in self._send("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """Addresses asked for since the last call."""
        events = self._send("POST", "/se/log", {"type": "performance"})
        messages = [json.loads(event["message"])["message"] for event in events]
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [params["request"]["url"] for params in sent]

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self._send("GET", "/screenshot")))

    def close(self):
        self._send("DELETE", "")


@contextlib.contextmanager
def browser(width, height):
    """A browser window of ``width`` × ``height`` pixels; skips where there is no Chromium."""
    driver = shutil.which("chromedriver")
    if not driver or not (shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("needs chromium and chromedriver (Debian: chromium chromium-driver)")
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            page = Browser(_port(process), width, height)
            try:
                yield page
            finally:
                page.close()
        finally:
            process.terminate()


def _port(process):
    for line in process.stdout:
        if "started successfully on port" in line:
            port = int(line.split()[-1].rstrip("."))
            break
    else:
        raise RuntimeError("chromedriver did not start")
    for _ in range(50):
        with contextlib.suppress(urllib.error.URLError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5).close()
            return port
        time.sleep(0.1)
    raise RuntimeError("chromedriver does not answer")
