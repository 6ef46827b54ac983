"""Verified from the last head: what is new is found at once, what is old by the whole."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from core.errors import LedgerError
from core.ledger import schema, verification
from core.ledger.checkpoint import note_of, read_checkpoint
from core.ledger.ledger import Ledger, open_ledger
from tests.core.ledger.quickly import book_many, tamper
from tests.runs import record

DATA = Path(__file__).resolve().parents[2] / "data"
COLUMNS = [
    (name, column.name)
    for name, table in schema.metadata.tables.items()
    for column in table.columns
    if table not in schema.TOTALS and not column.primary_key
]


@pytest.fixture
def grown(tmp_path: Path) -> Ledger:
    """Three entries and three runs that were verified, then one of everything that was not."""
    ledger = open_ledger(tmp_path / "ledger.sqlite3")
    book_many(ledger, range(3))
    ledger.set_artist_status("ochre", "opted-out", reason="On request", actor="ann")
    assert ledger.verify().ok
    ledger.set_artist_status("ochre", "active", reason="Came back", actor="ann")
    book_many(ledger, range(10, 12))
    ledger.reverse(2, reason="mistake", actor="ann")
    ledger.delete_run(ledger.record(record(98)).record.id)
    ledger.open_dispute(1, artist_id="indigo", reason="it is mine", actor="bob")
    ledger.resolve_dispute(1, "upheld", paid_to="ochre", reason="shown", actor="ann")
    return ledger


def reopened(ledger: Ledger) -> Ledger:
    ledger.close()
    return open_ledger(ledger.path)


def test_a_start_recomputes_only_what_came_after_the_last_verified_head(
    grown: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    recomputed: list[int] = []
    real = verification.entry_hash

    def counted(entry: dict[str, int], *rest: object) -> str:
        recomputed.append(entry["seq"])
        return real(entry, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(verification, "entry_hash", counted)
    proof = reopened(grown).verify_new()
    assert (proof.ok, proof.whole, proof.entries) == (True, False, 8)
    assert recomputed == [4, 5, 6, 7, 8]
    assert proof.head_hash == grown.totals().head_hash
    reopened(grown).verify_new()
    assert recomputed == [4, 5, 6, 7, 8]
    reopened(grown).verify()
    assert recomputed[5:] == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_any_edited_cell_of_a_new_row_is_found_at_the_start(
    grown: Ledger, table: str, column: str
) -> None:
    kind = str(schema.metadata.tables[table].c[column].type)
    change = f"coalesce({column}, 0) + 1" if kind != "TEXT" else f"coalesce({column}, '') || 'x'"
    last = f"rowid = (SELECT max(rowid) FROM {table})"
    tamper(grown.path, f"UPDATE {table} SET {column} = {change} WHERE {last}")
    again = reopened(grown)
    assert not again.verify_new().ok
    with pytest.raises(LedgerError, match="changed"):
        again.record(record(99))


@pytest.mark.parametrize("table", ["run", "influence", "ledger_txn", "ledger_posting"])
def test_a_deleted_new_row_is_found_at_the_start(grown: Ledger, table: str) -> None:
    tamper(grown.path, f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")
    assert not reopened(grown).verify_new().ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_posting SET micro = micro + 1 WHERE rowid = 2",
        "UPDATE influence SET z = z + 1 WHERE rowid = 1",
        "UPDATE run SET title = 'x' WHERE number = 1",
        "UPDATE ledger_txn SET created_at = 'x' WHERE seq = 1",
    ],
)
def test_an_edited_old_row_is_found_by_the_whole(grown: Ledger, statement: str) -> None:
    tamper(grown.path, statement)
    again = reopened(grown)
    assert again.verify_new().ok
    proof = again.verify()
    assert not proof.ok
    new = again.verify_new()  # known to be broken, it is not called whole for its new part
    assert (new.ok, new.first_bad, new.whole) == (False, proof.first_bad, False)
    with pytest.raises(LedgerError, match="changed"):  # the new part alone opens nothing again
        again.record(record(99))


@pytest.mark.parametrize("harm", ["lost", "altered", "nonsense", "of another ledger"])
def test_without_its_note_everything_is_verified(grown: Ledger, tmp_path: Path, harm: str) -> None:
    note = note_of(grown.path)
    if harm == "lost":
        note.unlink()
    elif harm == "altered":
        note.write_text(note.read_text().replace('"entries":3', '"entries":2'))
    elif harm == "nonsense":
        note.write_bytes(b"\xff[]")
    else:
        other = open_ledger(tmp_path / "other" / "ledger.sqlite3")
        book_many(other, range(3))
        other.verify()
        shutil.copyfile(note_of(other.path), note)
    tamper(grown.path, "UPDATE ledger_posting SET micro = micro + 1 WHERE rowid = 2")
    proof = reopened(grown).verify_new()
    assert proof.whole
    assert proof.first_bad is not None
    assert proof.first_bad.entry == 1


def test_a_ledger_that_fails_leaves_no_note_of_it(grown: Ledger) -> None:
    before = read_checkpoint(grown.path)
    tamper(grown.path, "UPDATE ledger_posting SET micro = micro + 1 WHERE rowid = 2")
    assert not grown.verify().ok
    assert read_checkpoint(grown.path) == before


def test_an_older_copy_put_back_is_verified_as_a_whole(grown: Ledger, tmp_path: Path) -> None:
    grown.close()
    shutil.copyfile(grown.path, tmp_path / "copy")
    later = reopened(grown)
    book_many(later, range(20, 22))
    assert later.verify_new().ok
    later.close()
    shutil.copyfile(tmp_path / "copy", grown.path)
    proof = open_ledger(grown.path).verify_new()
    assert (proof.ok, proof.whole, proof.entries) == (True, True, 8)


# --- damage ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "entry"),
    [
        ("UPDATE ledger_posting SET artist = CAST(x'41ff42' AS TEXT) WHERE rowid = 6", 2),
        ("UPDATE ledger_txn SET actor = CAST(x'ff' AS TEXT) WHERE seq = 6", 6),
        ("UPDATE influence SET title = CAST(x'c3' AS TEXT) WHERE rowid = 1", 1),
    ],
)
def test_a_text_that_is_no_text_is_damage_and_names_the_entry(
    grown: Ledger, statement: str, entry: int
) -> None:
    tamper(grown.path, statement)
    bad = reopened(grown).verify().first_bad
    assert bad is not None
    assert bad.entry == entry
    assert "damaged" in bad.reason


def test_a_flipped_bit_ends_in_words_wherever_it_lies(tmp_path: Path) -> None:
    """Never in an error that was not foreseen; the seed's flips meet the schema and the rows."""
    whole = (DATA / "ledger-v1.db").read_bytes()
    letters = [place for place, byte in enumerate(whole) if 32 <= byte < 127]
    chance = random.Random(3)
    outcomes = set()
    for number in range(150):
        flipped = bytearray(whole)
        flipped[chance.choice(letters)] ^= 0x80
        path = tmp_path / f"{number}.sqlite3"
        path.write_bytes(flipped)
        try:
            ledger = open_ledger(path)
            outcomes.add(ledger.verify().ok)
            ledger.totals()
            list(ledger.export_json())
            for view in ledger.runs().items:
                ledger.run(view.record.id)
            ledger.close()
        except LedgerError as error:
            assert "flip" not in error.message
            outcomes.add(error.message.split()[3])
    assert False in outcomes
