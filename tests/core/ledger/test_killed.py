"""kill -9 in the middle of postings: the proof holds and every acknowledged entry is there."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from core.ledger.ledger import open_ledger
from core.ledger.shares import WHOLE

ROOT = Path(__file__).resolve().parents[3]
POST = """
import sys
from pathlib import Path
from core.ledger.ledger import open_ledger
from tests.runs import NAMES, SHARES, key, record
ledger = open_ledger(Path(sys.argv[1]))
seed = int(sys.argv[2])
while True:
    run = record(seed)
    ledger.record(run, SHARES, key(run), NAMES)
    print(run.id, flush=True)
    seed += 1
"""


def test_twenty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    open_ledger(path).close()
    acknowledged: list[str] = []
    chance = random.Random(0)
    for turn in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", POST, str(path), str(1_000_000 * turn)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        acknowledged += [process.stdout.readline().strip() for _ in range(chance.randint(1, 12))]
        process.kill()
        acknowledged += process.stdout.read().split()
        process.wait()
    ledger = open_ledger(path)
    proof = ledger.verify()
    assert proof.ok
    assert all(acknowledged)
    for run_id in acknowledged:
        view = ledger.run(run_id)
        assert view is not None
        assert view.entry is not None
    # the one posting in flight at each kill may be there or not, but never half of it
    assert len(acknowledged) <= proof.entries <= len(acknowledged) + 20
    assert ledger.totals().total_micro == proof.entries * WHOLE
