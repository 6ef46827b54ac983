"""What was published binds: a history that was cut off or written again is found by whoever kept
the lines, though the ledger itself verifies."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import LedgerError
from core.ledger import verification
from core.ledger.inclusion import fault_of_proof, read_proof
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.published_heads import read_heads
from core.ledger.publisher import Publisher
from core.ledger.shares import DEFAULT_RULE, WHOLE, Shares
from core.ledger.signing import read_public_keys, signing_key
from tests.core.ledger.quickly import set_clock, tamper
from tests.runs import NAMES, SHARES, key, record


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "home" / "ledger.sqlite3", publishes=True)
    yield opened
    opened.close()


def publisher(ledger: Ledger) -> Publisher:
    assert ledger.publisher is not None
    return ledger.publisher


def book(ledger: Ledger, seed: int, shares: Shares = SHARES) -> None:
    run = record(seed)
    ledger.record(run, shares, key(run), NAMES)


def differences(ledger: Ledger, copy: Path) -> list[str]:
    """What the keeper of a copy of the lines says of the ledger."""
    keys = read_public_keys(publisher(ledger).public_key)
    return [bad.reason for bad in ledger.compare(read_heads(copy), keys)]


def test_a_line_per_day_and_per_so_many_entries(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher(ledger).every = 4
    for day in ("2026-03-01", "2026-03-02", "2026-03-04"):
        set_clock(monkeypatch, f"{day}T10:00:00.000Z")
        monkeypatch.setattr("core.ledger.publisher.now", lambda day=day: f"{day}T10:00:00.000Z")
        for seed in range(6):
            book(ledger, int(day[-1]) * 100 + seed)
    heads = publisher(ledger).heads()
    assert [head.entries for head in heads] == [1, 5, 7, 11, 13, 17]
    assert [head.number for head in heads] == [1, 2, 3, 4, 5, 6]
    assert ledger.verify().ok
    assert differences(ledger, publisher(ledger).checkpoints) == []


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "new"])
def test_a_head_that_is_published_while_the_ledger_is_verified_freezes_nothing(
    ledger: Ledger, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(ledger, 1)
    ledger.verify()
    beside = open_ledger(ledger.path, publishes=True)
    recompute = verification.verify

    def overtaken(*arguments: Any) -> Any:
        proof = recompute(*arguments)
        book(beside, 2)
        beside.publish()
        return proof

    with monkeypatch.context() as patched:
        patched.setattr(verification, "verify", overtaken)
        proof = ledger.verify() if whole else ledger.verify_new()
    beside.close()
    assert (proof.ok, proof.first_bad, proof.whole) == (True, None, whole)
    assert len(publisher(ledger).heads()) == 2
    book(ledger, 3)
    assert ledger.verify().entries == 3


def test_a_line_is_published_once_though_it_is_asked_for_twice(ledger: Ledger) -> None:
    book(ledger, 1)
    assert ledger.publish() == ledger.publish()
    assert len(publisher(ledger).heads()) == 1


def test_only_its_owner_can_read_the_key_and_the_public_key_lies_beside_the_lines(
    ledger: Ledger,
) -> None:
    book(ledger, 1)
    private = ledger.path.parent / "keys" / "ledger.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    published = {path.name for path in publisher(ledger).checkpoints.parent.glob("[!.]*")}
    assert published == {"checkpoints.jsonl", "key.pem"}
    assert b"PRIVATE" not in publisher(ledger).public_key.read_bytes()
    first = signing_key(private)
    assert signing_key(private).private_bytes_raw() == first.private_bytes_raw()


@pytest.fixture
def kept(ledger: Ledger, tmp_path: Path) -> Path:
    """Six entries, published after the first, third and sixth; somebody has the lines."""
    for seed in range(6):
        book(ledger, seed)
        if seed in (2, 5):
            ledger.publish()
    copy = tmp_path / "kept.jsonl"
    shutil.copyfile(publisher(ledger).checkpoints, copy)
    assert differences(ledger, copy) == []
    return copy


def cut_off(path: Path, entries: int) -> None:
    """Remove the last entries as the owner can: no number, no total tells of them."""
    tamper(path, f"DELETE FROM ledger_posting WHERE txn_id IN (SELECT id FROM ledger_txn "
           f"WHERE seq > {entries})")  # fmt: skip
    tamper(path, f"DELETE FROM influence WHERE run_id IN (SELECT id FROM run "
           f"WHERE number > {entries})")  # fmt: skip
    tamper(path, f"DELETE FROM ledger_txn WHERE seq > {entries}")
    tamper(path, f"DELETE FROM run WHERE number > {entries}")
    with sqlite3.connect(path) as raw:
        raw.execute(
            f"UPDATE sqlite_sequence SET seq = {entries} WHERE name IN ('run', 'ledger_txn')"
        )


def without_publications(ledger: Ledger) -> Ledger:
    """The ledger as its owner shows it after removing what was published at home."""
    ledger.close()
    shutil.rmtree(ledger.path.parent / "published")
    return open_ledger(ledger.path, publishes=True)


def written_again(ledger: Ledger, shares: Shares) -> None:
    """Another ledger of the same length under the same name, wholly consistent in itself."""
    ledger.close()
    for name in ("", "-wal", "-shm", ".verified.json"):
        ledger.path.with_name(ledger.path.name + name).unlink(missing_ok=True)
    forged = open_ledger(ledger.path)
    for seed in range(6):
        book(forged, seed, shares)
    forged.close()


def test_entries_cut_off_are_found_by_the_lines_and_named(ledger: Ledger, kept: Path) -> None:
    cut_off(ledger.path, 4)
    (reason, *_) = differences(ledger, kept)
    assert "cut off after entry 4" in reason
    assert "knows 6" in reason


def test_an_older_copy_put_back_is_found_at_home_and_abroad(ledger: Ledger, tmp_path: Path) -> None:
    book(ledger, 1)
    ledger.publish()
    ledger.close()
    shutil.copyfile(ledger.path, tmp_path / "older")
    later = open_ledger(ledger.path, publishes=True)
    book(later, 2)
    later.publish()
    copy = tmp_path / "kept.jsonl"
    shutil.copyfile(publisher(later).checkpoints, copy)
    later.close()
    shutil.copyfile(tmp_path / "older", ledger.path)
    back = open_ledger(ledger.path, publishes=True)
    for proof in (back.verify_new(), back.verify()):
        assert proof.first_bad is not None
        assert "older copy was put back" in proof.first_bad.reason
    assert "older copy was put back" in differences(back, copy)[0]
    with pytest.raises(LedgerError, match="changed"):
        book(back, 3)


def test_a_history_written_again_is_found_though_it_verifies(ledger: Ledger, kept: Path) -> None:
    keys = read_public_keys(publisher(ledger).public_key)
    written_again(ledger, Shares(DEFAULT_RULE, {"ochre": WHOLE}, 0))
    forged = open_ledger(ledger.path)
    assert forged.verify().ok
    reasons = [bad.reason for bad in forged.compare(read_heads(kept), keys)]
    assert "written again between entry 1 and 1" in reasons[0]
    at_home = open_ledger(ledger.path, publishes=True)
    assert not at_home.verify().ok
    with pytest.raises(LedgerError, match="No checkpoint was published"):
        at_home.publish()


def test_where_nothing_was_kept_nothing_is_found(ledger: Ledger, kept: Path) -> None:
    """The limit, stated: a chain alone and its own lines do not bind whoever owns both."""
    written_again(ledger, Shares(DEFAULT_RULE, {"ochre": WHOLE}, 0))
    alone = without_publications(ledger)
    assert alone.verify().ok
    assert alone.compare(read_heads(kept), read_public_keys_of(alone)) != []


def read_public_keys_of(ledger: Ledger) -> dict[str, object]:
    ledger.publish()
    return dict(publisher(ledger).keys())


@pytest.mark.parametrize(
    ("field", "value"),
    [("entries", 5), ("head", "0" * 64), ("entries_root", "0" * 64), ("runs", 2), ("reason", "x")],
)
def test_a_line_that_was_altered_is_named(
    ledger: Ledger, kept: Path, field: str, value: object
) -> None:
    lines = kept.read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {field: value})
    kept.write_text("\n".join(lines) + "\n")
    assert "checkpoint 1 " in differences(ledger, kept)[0]
    assert "altered" in differences(ledger, kept)[0]


def test_a_line_taken_out_is_named(ledger: Ledger, kept: Path) -> None:
    book(ledger, 9)
    ledger.publish()
    lines = publisher(ledger).checkpoints.read_text().splitlines()
    kept.write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    assert "does not follow the line before" in differences(ledger, kept)[0]


def test_a_line_by_another_key_is_named(ledger: Ledger, kept: Path, tmp_path: Path) -> None:
    other = signing_key(tmp_path / "other.pem")
    heads = read_heads(kept)
    kept.write_text(replace(heads[0]).signed(other).line() + "\n")
    assert "that was not given" in differences(ledger, kept)[0]


def test_half_a_line_of_a_killed_program_is_no_line(ledger: Ledger, kept: Path) -> None:
    path = publisher(ledger).checkpoints
    with path.open("ab") as stream:
        stream.write(b'{"number": 4, "ent')
    assert len(publisher(ledger).heads()) == 3
    book(ledger, 9)
    ledger.publish()
    assert [head.number for head in publisher(ledger).heads()] == [1, 2, 3, 4]
    assert ledger.verify().ok


def test_a_restoration_says_why_and_ends_longer_lines(ledger: Ledger, kept: Path) -> None:
    cut_off(ledger.path, 4)
    with ledger._reading() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        publisher(ledger).publish(raw, reason="disk lost")
    assert [head.entries for head in publisher(ledger).heads()] == [1, 3, 6, 4]
    assert differences(ledger, publisher(ledger).checkpoints) == []
    assert "cut off" in differences(ledger, kept)[0]  # who kept the longer one still sees it


@pytest.mark.parametrize("number", range(1, 7))
def test_an_entry_is_proved_without_the_ledger(ledger: Ledger, kept: Path, number: int) -> None:
    proof = ledger.prove(number, read_heads(kept)[-1])
    keys = read_public_keys(publisher(ledger).public_key)
    again = read_proof(proof.text())
    assert again == proof
    assert fault_of_proof(again, keys) is None
    assert len(proof.path) <= 3
    altered = json.loads(proof.text())
    altered["postings"][1]["micro"] += 1
    altered["postings"][-1]["micro"] -= 1
    assert "entry was altered" in str(fault_of_proof(read_proof(json.dumps(altered)), keys))
    for path in (proof.path[:-1], ("0" * 64, *proof.path[1:])):
        assert "not in the ledger" in str(fault_of_proof(replace(proof, path=path), keys))
    head = replace(proof.head, entries_root="0" * 64)
    assert "signature" in str(fault_of_proof(replace(proof, head=head), keys))


def test_an_entry_that_a_line_does_not_know_is_not_proved(ledger: Ledger, kept: Path) -> None:
    with pytest.raises(LedgerError, match="is not in checkpoint 1"):
        ledger.prove(2, read_heads(kept)[0])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "creditline-inclusion@1"}', "\x00"])
def test_what_is_no_proof_is_refused_in_words(text: str) -> None:
    with pytest.raises(LedgerError, match="not a proof"):
        read_proof(text)


def test_a_new_key_joins_the_one_before(ledger: Ledger, kept: Path) -> None:
    (ledger.path.parent / "keys").rename(ledger.path.parent / "aside")
    book(ledger, 9)
    ledger.publish()
    assert len({head.key for head in publisher(ledger).heads()}) == 2
    assert len(publisher(ledger).keys()) == 2
    assert ledger.verify().ok
    assert differences(ledger, kept) == []


def test_a_deleted_run_keeps_its_place_in_what_was_published(ledger: Ledger) -> None:
    free = [ledger.record(record(90 + seed, kind="upload")).record.id for seed in range(3)]
    ledger.publish()
    for run_id in (free[1], free[2]):
        ledger.delete_run(run_id)
    book(ledger, 1)
    ledger.publish()
    assert [head.runs for head in publisher(ledger).heads()] == [1, 3, 4]
    assert ledger.verify().ok
    assert differences(ledger, publisher(ledger).checkpoints) == []
