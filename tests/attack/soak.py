"""Load and kill -9 on this machine, for so many seconds: nothing acknowledged may be lost.

`make soak SECONDS=60`, or `python -m tests.attack.soak 60 --seed 1`. On a home and a small
collection of its own, two processes paint, book, pack evidence, export and back up, a studio
serves pages on loopback, and all of them are killed at random moments and started again. In the
end every booking that was acknowledged is in the ledger, none is there twice, the whole verifies,
and so does every backup. It starts and ends its own processes alone.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.ledger.ledger import open_ledger
from tests.server import ROOT, Server, free_port
from tests.small import ready_collection

WORKERS = 2
PAGES = ("/", "/ledger", "/artists", "/history", "/healthz", "/verify")


@dataclass
class Soak:
    """One soak: where it happens, and what was acknowledged."""

    home: Path
    collection: Path
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    booked: dict[str, tuple[int, int]] = field(default_factory=dict)  # run -> (seed, entry)
    errors: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, seconds: float) -> None:
        """Start everything, let it be killed for so long, end it."""
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self._work, args=[number, until]) for number in range(WORKERS)
        ]
        threads.append(threading.Thread(target=self._serve, args=[until]))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, number: int, until: float) -> None:
        """A worker after the other, each killed at some moment after it is ready."""
        chance = random.Random(f"{self.chance.random()}/{number}")
        while time.monotonic() < until and not self.over.is_set():
            command = (sys.executable, "-m", "tests.attack.soak_worker", str(self.home))
            process = subprocess.Popen(
                (*command, str(self.collection), str(chance.random())),
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None and process.stderr is not None
            if process.stdout.readline().strip() != "ready":
                self._give_up(process.stderr.read())
                return
            killer = threading.Timer(chance.uniform(0.05, 6.0), process.kill)
            killer.start()
            for line in process.stdout:
                self._acknowledged(line)
            killer.join()
            error = process.stderr.read()
            if process.wait() >= 0:  # it ended by itself
                self._give_up(error)
                return
            self.done["worker killed"] += 1

    def _acknowledged(self, line: str) -> None:
        if not line.endswith("\n"):
            return  # half of a line was never said
        what, *values = line.split()
        self.done[what] += 1
        if what == "booked":
            self.booked[values[1]] = int(values[0]), int(values[2])

    def _give_up(self, error: str) -> None:
        self.errors.append(error[-2000:])
        self.over.set()

    def _serve(self, until: float) -> None:
        """A studio after the other, whose pages are asked for all the time."""
        while time.monotonic() < until and not self.over.is_set():
            server = Server(self.collection, self.home, free_port())
            try:
                server.start()
            except AssertionError as error:  # it did not answer, or ended: what it said
                self._give_up(str(error))
            assert server.process is not None
            killed_at = time.monotonic() + self.chance.uniform(0.5, 10.0)
            while not self.over.is_set() and time.monotonic() < min(killed_at, until):
                path = self.chance.choice(PAGES)
                try:
                    with urllib.request.urlopen(f"{server.url}{path}", timeout=20) as answer:
                        answer.read()
                    self.done["page"] += 1
                except (urllib.error.URLError, OSError) as error:
                    self._give_up(f"{path}: {error}")
                    break
            server.process.kill()
            server.process.wait()
            self.done["studio killed"] += 1

    def faults(self) -> list[str]:
        """What is wrong in the end; nothing, if all is well."""
        faults = list(self.errors)
        with closing(open_ledger(self.home / "ledger.sqlite3", publishes=True)) as ledger:
            proof = ledger.verify()
            if not proof.ok:
                faults.append(f"the ledger does not verify: {proof.first_bad}")
            entry_of: dict[int, set[int]] = {}
            for run, (seed, entry) in self.booked.items():
                view = ledger.run(run)
                if view is None or view.entry != entry:
                    faults.append(f"run {run}, acknowledged as entry {entry}, is lost")
                entry_of.setdefault(seed, set()).add(entry)
            faults += [
                f"seed {seed} was booked twice: {sorted(entries)}"
                for seed, entries in entry_of.items()
                if len(entries) > 1
            ]
            self.done["entries in the ledger"] = ledger.size()
        for path in self.home.glob("backup-*.sqlite3"):
            copy = shutil.copy(path, self.home / "copy.sqlite3")
            with closing(open_ledger(Path(copy))) as kept:
                if not kept.verify().ok:
                    faults.append(f"{path.name} does not verify")
                self.done["backup verified"] += 1
            for left in self.home.glob("copy.sqlite3*"):
                with suppress(OSError):
                    left.unlink()
        return faults


def soak(seconds: float, seed: int) -> Soak:
    """A soak in a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        collection = ready_collection(Path(folder) / "small")
        one = Soak(Path(folder) / "home", collection.path, random.Random(seed))
        one.run(seconds)
        one.errors[:] = one.faults()
    return one


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("seconds", type=float)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    result = soak(given.seconds, given.seed)
    for what, number in sorted(result.done.items()):
        print(f"{number:7d}  {what}")
    for fault in result.errors:
        print(f"FAULT: {fault}", file=sys.stderr)
    print("nothing lost, nothing doubled, all verified" if not result.errors else "not well")
    sys.exit(bool(result.errors))
