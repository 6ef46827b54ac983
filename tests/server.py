"""A studio in a process of its own, on a free port of this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Server:
    """A studio in a process of its own, with a home of its own."""

    collection: Path
    home: Path
    port: int
    rule: str = "artist-influence"
    process: subprocess.Popen[str] | None = None
    settings: dict[str, str] = field(default_factory=dict)  # CREDITLINE_*, besides

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def keeper_url(self) -> str:
        """The newest address with a key that was printed."""
        printed = re.findall(r"http\S+\?key=\S+", (self.home / "server.log").read_text())
        return str(printed[-1])

    def start(self) -> Server:
        self.home.mkdir(parents=True, exist_ok=True)
        log = (self.home / "server.log").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "app", "serve", "--port", str(self.port), "--no-open"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            text=True,
            env=os.environ
            | {
                "CREDITLINE_HOME": str(self.home),
                "CREDITLINE_COLLECTION": str(self.collection),
                "CREDITLINE_DEVICE": "cpu",
                "CREDITLINE_RULE": self.rule,
            }
            | self.settings,
        )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError((self.home / "server.log").read_text())
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=2).close()
                return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise AssertionError("the studio did not answer on /healthz")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
