"""Disputes: what is disputed waits in escrow, nothing is lost, nothing doubled, every step stays.

The oracle is a second set of books: who holds what of each entry, kept in a dictionary.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.errors import LedgerError
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.published_heads import read_heads
from core.ledger.records import (
    ADJUSTMENT,
    ARTIST,
    COMMENT,
    ESCROW,
    OPEN,
    OPENED,
    REJECTED,
    RESOLVED,
    UPHELD,
    WITHHELD,
)
from core.ledger.shares import DEFAULT_RULE, WHOLE, Shares
from tests.core.ledger.quickly import book_many
from tests.runs import NAMES, key, record

INDIGO, OCHRE = 412_000, 227_500  # what an entry of `book_many` gives
PEOPLE = "abc"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite3", publishes=True)
    opened.know_artists(NAMES | {"umber": "Umber Workshop"})
    book_many(opened, range(2))
    yield opened
    opened.close()


def test_the_disputed_credit_waits_in_escrow_and_the_entry_stays(ledger: Ledger) -> None:
    before = ledger.entry(1)
    made = ledger.open_dispute(1, artist_id="indigo", reason="My wave.", actor="bob")
    assert (made.number, made.entry, made.artist, made.micro) == (1, 1, NAMES["indigo"], INDIGO)
    assert (made.state, [step.kind for step in made.events]) == (OPEN, [OPENED])
    assert ledger.entry(1) == before
    assert ledger.balances() == {
        ("indigo", ARTIST): INDIGO,
        ("indigo", ESCROW): INDIGO,
        ("ochre", ARTIST): 2 * OCHRE,
    }
    adjustment = ledger.entry(3)
    assert adjustment is not None
    assert (adjustment.kind, adjustment.dispute, adjustment.disputed) == (ADJUSTMENT, 1, 1)
    assert (adjustment.reason, adjustment.actor) == ("My wave.", "bob")


def test_upheld_it_is_paid_to_whoever_it_is_due_to(ledger: Ledger) -> None:
    ledger.open_dispute(1, artist_id="indigo", reason="My wave.", actor="bob")
    ledger.comment_dispute(1, reason="The sketch shows it.", actor="bob")
    made = ledger.resolve_dispute(1, UPHELD, paid_to="umber", reason="Shown.", actor="ann")
    assert (made.state, made.paid_to_name, made.micro) == (UPHELD, "Umber Workshop", INDIGO)
    assert [(step.kind, step.actor, step.reason) for step in made.events] == [
        (OPENED, "bob", "My wave."),
        (COMMENT, "bob", "The sketch shows it."),
        (RESOLVED, "ann", "Shown."),
    ]
    balances = ledger.balances()
    assert balances["umber", ARTIST] == balances["indigo", ARTIST] == INDIGO
    assert balances["indigo", ESCROW] == 0
    assert ledger.artist_statement("umber").micro == INDIGO
    assert ledger.verify().ok


def test_upheld_without_anybody_to_pay_it_stays_in_escrow_and_can_be_disputed_again(
    ledger: Ledger,
) -> None:
    ledger.open_dispute(1, artist_id="indigo", reason="Not theirs.", actor="bob")
    ledger.resolve_dispute(1, UPHELD, reason="It is not, and nobody knows whose.", actor="ann")
    assert ledger.balances()["indigo", ESCROW] == INDIGO
    assert ledger.open_dispute(1, artist_id="indigo", reason="Mine.", actor="u").micro == INDIGO
    ledger.resolve_dispute(2, UPHELD, paid_to="umber", reason="It is.", actor="ann")
    assert ledger.balances()["umber", ARTIST] == INDIGO


def test_what_was_left_in_escrow_can_go_back_to_its_artist(ledger: Ledger) -> None:
    ledger.open_dispute(1, artist_id="indigo", reason="Not theirs.", actor="bob")
    ledger.resolve_dispute(1, UPHELD, reason="Nobody knows whose.", actor="ann")
    ledger.open_dispute(1, artist_id="indigo", reason="It is theirs.", actor="bob")
    nothing = ledger.resolve_dispute(2, REJECTED, reason="Not shown.", actor="ann")
    assert nothing.events[-1].adjustment is None
    assert ledger.balances()["indigo", ESCROW] == INDIGO
    ledger.open_dispute(1, artist_id="indigo", reason="Here is the sketch.", actor="bob")
    paid = ledger.resolve_dispute(3, UPHELD, paid_to="indigo", reason="Shown.", actor="ann")
    assert (paid.paid_to, paid.micro) == ("indigo", INDIGO)
    balances = ledger.balances()
    assert (balances["indigo", ARTIST], balances["indigo", ESCROW]) == (2 * INDIGO, 0)
    assert ledger.verify().ok


def test_what_was_in_escrow_before_can_be_paid_though_a_rejection_gives_back_a_part(
    ledger: Ledger,
) -> None:
    ledger.open_dispute(1, artist_id="indigo", reason="Not theirs.", actor="bob")
    ledger.resolve_dispute(1, UPHELD, reason="Nobody knows whose.", actor="ann")
    ledger.open_dispute(1, artist_id="ochre", reason="Indigo's.", actor="bob")
    ledger.resolve_dispute(2, UPHELD, paid_to="indigo", reason="It is.", actor="ann")
    opened = ledger.open_dispute(1, artist_id="indigo", reason="All of it.", actor="bob")
    assert opened.micro == INDIGO + OCHRE
    ledger.resolve_dispute(3, UPHELD, paid_to="indigo", reason="It is.", actor="ann")
    balances = ledger.balances()
    assert (balances["indigo", ARTIST], balances["indigo", ESCROW]) == (2 * INDIGO + OCHRE, 0)
    assert ledger.verify().ok


def test_no_dispute_pays_an_artist_who_opted_out(ledger: Ledger) -> None:
    ledger.set_artist_status("umber", "opted-out", reason="Asked", actor="ann")
    ledger.open_dispute(1, artist_id="indigo", reason="Umber's wave.", actor="bob")
    with pytest.raises(LedgerError, match="'umber' has opted out .* Leave it in escrow, or opt"):
        ledger.resolve_dispute(1, UPHELD, paid_to="umber", reason="It is.", actor="ann")
    assert ledger.balances().get(("umber", ARTIST), 0) == 0
    assert ledger.balances()["indigo", ESCROW] == INDIGO
    ledger.set_artist_status("umber", "active", reason="Back", actor="ann")
    ledger.resolve_dispute(1, UPHELD, paid_to="umber", reason="It is.", actor="ann")
    assert ledger.balances()["umber", ARTIST] == INDIGO


def test_who_opted_out_still_gets_back_what_was_theirs(ledger: Ledger) -> None:
    ledger.open_dispute(1, artist_id="indigo", reason="Not theirs.", actor="bob")
    ledger.set_artist_status("indigo", "opted-out", reason="Asked", actor="ann")
    ledger.resolve_dispute(1, REJECTED, reason="It is.", actor="ann")
    assert ledger.balances()["indigo", ARTIST] == 2 * INDIGO


def test_all_of_an_entry_is_disputed_where_no_artist_is_named(ledger: Ledger) -> None:
    assert ledger.open_dispute(1, reason="A copy.", actor="bob").micro == INDIGO + OCHRE
    ledger.resolve_dispute(1, REJECTED, reason="It is not.", actor="ann")
    assert ledger.balances()["indigo", ARTIST] == 2 * INDIGO
    assert ledger.balances()["ochre", ARTIST] == 2 * OCHRE


def test_a_reversal_takes_back_from_whom_a_dispute_has_given_to(ledger: Ledger) -> None:
    ledger.open_dispute(1, artist_id="indigo", reason="My wave.", actor="bob")
    with pytest.raises(LedgerError, match="Resolve dispute 1 first"):
        ledger.reverse(1, reason="mistake", actor="ann")
    ledger.resolve_dispute(1, UPHELD, paid_to="umber", reason="Shown.", actor="ann")
    with pytest.raises(LedgerError, match="moves credit by a dispute"):
        ledger.reverse(3, reason="mistake", actor="ann")
    ledger.reverse(1, reason="mistake", actor="ann")
    assert ledger.balances() == {
        ("indigo", ARTIST): INDIGO,
        ("indigo", ESCROW): 0,
        ("ochre", ARTIST): OCHRE,
        ("umber", ARTIST): 0,
    }
    assert ledger.verify().ok


def test_what_cannot_be_disputed_is_refused_in_words_and_nothing_is_written(
    ledger: Ledger,
) -> None:
    ledger.reverse(2, reason="mistake", actor="ann")
    opened = ledger.open_dispute(1, artist_id="indigo", reason="My wave.", actor="bob")
    size = ledger.size()
    for number, artist, words in (
        (9, None, "There is no entry 9"),
        (2, None, "is reversed already, by entry 3"),
        (3, None, "is no credit"),
        (4, None, "is no credit"),
        (1, "indigo", "Dispute 1 about entry 1 is open"),
        (1, None, "Dispute 1 about entry 1 is open"),
        (1, "umber", "does not credit 'umber'"),
    ):
        with pytest.raises(LedgerError, match=words):
            ledger.open_dispute(number, artist_id=artist, reason="Mine.", actor="bob")
    for outcome, paid_to, words in (
        ("settled", None, "no outcome 'settled'"),
        (REJECTED, "umber", "pays nobody"),
        (UPHELD, "indigo", "Reject the dispute to give it back"),
        (UPHELD, "nobody-here", "knows no artist"),
    ):
        with pytest.raises(LedgerError, match=words):
            ledger.resolve_dispute(1, outcome, paid_to=paid_to, reason="So.", actor="ann")
    for reason, actor in (("", "ann"), ("So.", " \n"), ("x" * 3_000, "ann")):
        with pytest.raises(LedgerError, match="kept for ever|at most"):
            ledger.comment_dispute(1, reason=reason, actor=actor)
    assert (ledger.size(), ledger.dispute(1)) == (size, opened)
    ledger.resolve_dispute(1, REJECTED, reason="No.", actor="ann")
    for again in (
        lambda: ledger.resolve_dispute(1, UPHELD, reason="Yes.", actor="ann"),
        lambda: ledger.comment_dispute(1, reason="But.", actor="bob"),
    ):
        with pytest.raises(LedgerError, match="Dispute 1 is resolved"):
            again()


def test_disputes_are_listed_by_entry_by_artist_and_while_they_are_open(ledger: Ledger) -> None:
    ledger.open_dispute(1, artist_id="indigo", reason="a", actor="bob")
    ledger.open_dispute(2, reason="b", actor="bob")
    ledger.resolve_dispute(1, UPHELD, paid_to="umber", reason="c", actor="ann")

    def numbers(**chosen: object) -> list[int]:
        return [one.number for one in ledger.disputes(**chosen).items]  # type: ignore[arg-type]

    assert numbers() == [2, 1]
    assert numbers(only_open=True) == [2]
    assert numbers(entries=[1]) == numbers(artist_id="umber") == [1]
    assert numbers(artist_id="indigo") == [2, 1]
    assert numbers(artist_id="ochre") == [2]
    assert numbers(page=2, per_page=1) == [1]


def test_a_published_head_knows_how_disputes_went(ledger: Ledger) -> None:
    """Without disputes a line is what it was; with them, a dispute that vanishes is missed."""
    assert "disputes" not in ledger.publish().line()
    ledger.open_dispute(1, artist_id="indigo", reason="a", actor="bob")
    ledger.comment_dispute(1, reason="b", actor="bob")
    head = ledger.publish()
    assert head.disputes == 2
    assert ledger.publisher is not None
    assert read_heads(ledger.publisher.checkpoints)[-1] == head
    assert ledger.compare((head,), ledger.publisher.keys()) == []
    other = replace(head, disputes_head="f" * 64)
    with ledger._reading() as connection:
        from core.ledger.published_heads import differences

        raw = connection.connection.driver_connection
        assert raw is not None
        bad = next(differences(raw, [other]))
    assert "events of disputes up to 2 are not what checkpoint" in bad.reason


def test_a_masked_name_is_shown_nowhere_and_its_bearer_is_still_paid(ledger: Ledger) -> None:
    run = ledger.runs().items[0].record.id
    ledger.open_dispute(1, artist_id="ochre", reason="a", actor="bob")
    ledger.resolve_dispute(1, UPHELD, paid_to="indigo", reason="b", actor="ann")
    named = f"{NAMES['indigo']} opted out (letter)"  # before anybody wished the name withheld
    ledger.set_artist_status("indigo", "opted-out", reason=named, actor="ann")
    ledger.set_artist_status("indigo", "opted-out", reason="On request", actor="ann", masked=True)
    assert ledger.masked() == {"indigo"}
    reasons = [one.reason for one in ledger.artist_statement("indigo").changes]
    assert reasons == [WITHHELD, "On request"]
    view = ledger.run(run)
    assert view is not None
    everything = repr(
        (
            ledger.artists(),
            ledger.totals(),
            ledger.entries().items,
            view,
            ledger.disputes().items,
            ledger.artist_statement("indigo"),
            "".join(ledger.export_csv()),
            "".join(ledger.export_json()),
        )
    )
    assert NAMES["indigo"] not in everything
    assert WITHHELD in everything
    assert NAMES["ochre"] in everything
    assert ledger.artist_statement("indigo").micro == 2 * INDIGO + OCHRE
    assert ledger.verify().ok
    ledger.set_artist_status("indigo", "active", reason="Back", actor="ann")
    assert ledger.masked() == {"indigo"}
    ledger.set_artist_status("indigo", "active", reason="Openly", actor="ann", masked=False)
    assert ledger.masked() == frozenset()
    assert NAMES["indigo"] in "".join(ledger.export_csv())


class Disputing(RuleBasedStateMachine):
    """Any sequence of credits, reversals, disputes and resolutions, against books of our own."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = open_ledger(Path(self.folder.name) / "ledger.sqlite3")
        self.ledger.know_artists({who: who.upper() for who in PEOPLE})
        self.holds: dict[int, dict[tuple[str, str], int]] = {}  # by entry, what is where
        self.open: dict[int, tuple[int, str | None, dict[tuple[str, str], int]]] = {}
        self.nobody = self.made = 0

    def teardown(self) -> None:
        """At the end of every sequence: no escrow is without a way out to whom it is kept for."""
        try:
            for number in sorted(self.open):
                self.ledger.resolve_dispute(number, UPHELD, reason="unknown", actor="ann")
            for (who, account), micro in self.ledger.balances().items():
                if account == ESCROW and micro:
                    self._let_out(who)
            assert not any(
                micro for (_, account), micro in self.ledger.balances().items() if account == ESCROW
            )
            assert self.ledger.verify().ok
        finally:
            self.ledger.close()
            self.folder.cleanup()

    def _let_out(self, who: str) -> None:
        for entry, books in self.holds.items():
            kept = books.get((who, ESCROW), 0)
            if kept:
                before = self.ledger.balances().get((who, ARTIST), 0)
                made = self.ledger.open_dispute(entry, artist_id=who, reason="theirs", actor="bob")
                self.ledger.resolve_dispute(
                    made.number, UPHELD, paid_to=who, reason="yes", actor="ann"
                )
                assert self.ledger.balances()[who, ARTIST] == before + kept

    @rule(
        shares=st.dictionaries(st.sampled_from(PEOPLE), st.integers(1, 300_000), max_size=3),
        unknown=st.frozensets(st.sampled_from(PEOPLE), max_size=1),
    )
    def book(self, shares: dict[str, int], unknown: frozenset[str]) -> None:
        self.made += 1
        run = record(self.made)
        credit = Shares(DEFAULT_RULE, shares, WHOLE - sum(shares.values()))
        names = {who: who.upper() for who in shares}
        entry = self.ledger.record(run, credit, key(run), names, unpaid=unknown).entry
        assert entry is not None
        self.holds[entry] = {
            (who, ESCROW if who in unknown else ARTIST): micro for who, micro in shares.items()
        }
        self.nobody += credit.unattributed_micro

    @precondition(lambda self: self.holds)
    @rule(place=st.integers(0, 99))
    def reverse(self, place: int) -> None:
        entry = sorted(self.holds)[place % len(self.holds)]
        if any(about == entry for about, _, _ in self.open.values()):
            with pytest.raises(LedgerError, match="is disputed"):
                self.ledger.reverse(entry, reason="mistake", actor="ann")
            return
        number = self.ledger.reverse(entry, reason="mistake", actor="ann").number
        self.nobody -= next(
            -line.micro
            for line in (self.ledger.entry(number) or pytest.fail()).postings
            if line.account == "unattributed"
        )
        del self.holds[entry]

    @precondition(lambda self: self.holds)
    @rule(place=st.integers(0, 99), who=st.sampled_from([None, *PEOPLE]))
    def dispute(self, place: int, who: str | None) -> None:
        entry = sorted(self.holds)[place % len(self.holds)]
        held = {
            (one, account): micro
            for (one, account), micro in self.holds[entry].items()
            if who in (None, one) and micro
        }
        clash = any(
            about == entry and (None in (who, other) or who == other)
            for about, other, _ in self.open.values()
        )
        if clash or not held:
            with pytest.raises(LedgerError):
                self.ledger.open_dispute(entry, artist_id=who, reason="mine", actor="bob")
            return
        made = self.ledger.open_dispute(entry, artist_id=who, reason="mine", actor="bob")
        assert made.micro == sum(held.values())
        self.open[made.number] = (entry, who, held)
        for (one, account), micro in held.items():
            self._add(entry, one, account, -micro)
            self._add(entry, one, ESCROW, micro)

    @precondition(lambda self: self.open)
    @rule(place=st.integers(0, 99), paid_to=st.sampled_from([None, *PEOPLE]), up=st.booleans())
    def resolve(self, place: int, paid_to: str | None, up: bool) -> None:
        number = sorted(self.open)[place % len(self.open)]
        entry, who, held = self.open[number]
        if not up:
            self.ledger.resolve_dispute(number, REJECTED, reason="no", actor="ann")
            for (one, account), micro in held.items():
                self._add(entry, one, ESCROW, -micro)
                self._add(entry, one, account, micro)
        elif paid_to is not None and paid_to == who and not held.get((who, ESCROW)):
            with pytest.raises(LedgerError, match="give it back"):
                self.ledger.resolve_dispute(
                    number, UPHELD, paid_to=paid_to, reason="yes", actor="ann"
                )
            return
        else:
            self.ledger.resolve_dispute(number, UPHELD, paid_to=paid_to, reason="yes", actor="ann")
            if paid_to is not None:
                for (one, _), micro in held.items():
                    self._add(entry, one, ESCROW, -micro)
                    self._add(entry, paid_to, ARTIST, micro)
        del self.open[number]

    def _add(self, entry: int, who: str, account: str, micro: int) -> None:
        books = self.holds[entry]
        books[who, account] = books.get((who, account), 0) + micro

    @invariant()
    def balances_are_those_of_our_books(self) -> None:
        expected: dict[tuple[str, str], int] = {}
        for books in self.holds.values():
            for place, micro in books.items():
                expected[place] = expected.get(place, 0) + micro
        balances = {place: micro for place, micro in self.ledger.balances().items() if micro}
        assert balances == {place: micro for place, micro in expected.items() if micro}

    @invariant()
    def every_credit_is_somewhere_once(self) -> None:
        totals = self.ledger.totals()
        assert totals.total_micro == WHOLE * len(self.holds)
        assert totals.unattributed_micro == self.nobody
        given = sum(row.micro for row in (*totals.artists, *totals.unknown))
        assert given + totals.unattributed_micro == totals.total_micro

    @invariant()
    def the_ledger_verifies(self) -> None:
        assert self.ledger.verify().ok


TestDisputing = Disputing.TestCase
TestDisputing.settings = settings(
    max_examples=12,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
