"""What the ledger takes and gives: runs, influences, entries, totals, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from core.ledger.evidence import Evidence
from core.ledger.hashes import GENESIS
from core.ledger.shares import ShareRule

T = TypeVar("T")
EXTREME = 0.99  # self-influence (leverage), of 1, from which a work explains itself alone

GENERATION, UPLOAD, EXAMPLE = "generation", "upload", "example"
PROPONENT, OPPONENT, MEMORISED = "proponent", "opponent", "memorised"
CREDIT, REVERSAL, ADJUSTMENT = "credit", "reversal", "adjustment"
ISSUED, ARTIST, UNATTRIBUTED = "issued", "artist", "unattributed"
ESCROW = "escrow"  # owed to somebody, and it is not settled to whom: kept, and paid to nobody
OPENED, COMMENT, RESOLVED = "opened", "comment", "resolved"
OPEN, UPHELD, REJECTED = "open", "upheld", "rejected"
MOST_PAGES = 1_000_000  # no number of a page is larger: a database counts no further for ever
WITHHELD = "withheld"  # in the place of a name that its bearer does not want to be shown


@dataclass(frozen=True)
class RunInfluence:
    """One work's part in a run, as it was computed then.

    `part`: how much of the picture is owed to this work, in [0, 1], before any artist is judged too
    weak to tell; None in runs of before. `artist_id` is the first maker's, `artist` the label's
    words; `makers`: [id, name, parts of the work's credit] of each, where there are several.
    """

    side: str
    rank: int
    work_id: str
    title: str
    artist_id: str
    artist: str
    style: str
    year: str
    licence: str
    file: str
    score: float
    z: float
    self_influence: float
    part: float | None = None
    makers: tuple[tuple[str, str, int], ...] | None = None

    @property
    def made_by(self) -> tuple[tuple[str, int], ...]:
        """(artist id, parts of the work's credit) of each maker."""
        return tuple((who, weight) for who, _, weight in self.makers or ((self.artist_id, "", 1),))

    @property
    def maker_names(self) -> tuple[tuple[str, str], ...]:
        """(artist id, name) of each maker; of a single one the label's words."""
        if not self.makers:
            return ((self.artist_id, self.artist),)
        return tuple((who, name) for who, name, _ in self.makers)

    @property
    def extreme(self) -> bool:
        """Whether the model has the work to itself: no other work explains anything of it, and its
        scores say little about other pictures. Known where parts are."""
        return self.part is not None and self.self_influence >= EXTREME


@dataclass(frozen=True)
class RunRecord:
    """Everything that a run's page shows and that makes it again. Digests are sha256 in hex.

    `evidence` and `remainder` (base, weak, withheld -> micro-credits) are None in runs of before,
    as is `actor`: who asked, an account's name or that of a login; "visitor" for whoever has none.
    """

    id: str
    kind: str
    collection: str
    style: str
    prompt: str
    seed: int | None
    steps: int | None
    guidance: float | None
    model_digest: str
    works_digest: str
    image_sha256: str
    image_file: str
    width: int
    height: int
    method: str
    spec_digest: str
    device: str
    versions: Mapping[str, str]
    verdict: str
    familiarity: float
    words: str
    query_leverage: float
    seconds: Mapping[str, float]
    rule: str
    artist_micro: Mapping[str, int]
    unattributed_micro: int
    created_at: str
    influences: tuple[RunInfluence, ...] = ()
    title: str = ""
    evidence: Evidence | None = None
    remainder: Mapping[str, int] | None = None
    actor: str | None = None

    def side(self, name: str) -> tuple[RunInfluence, ...]:
        """The influences of one side, by rank."""
        return tuple(row for row in self.influences if row.side == name)

    @property
    def shaped(self) -> tuple[RunInfluence, ...]:
        """The proponents that have a part of the picture; a rule over z may need others too, which
        are kept among them."""
        return tuple(row for row in self.side(PROPONENT) if row.part is None or row.part > 0)

    def shown(self, name: str) -> tuple[RunInfluence, ...]:
        """What people see of a side: of the proponents those with a part, and where no work has
        one, as of a foreign picture, those that come nearest."""
        return (self.shaped if name == PROPONENT else ()) or self.side(name)


@dataclass(frozen=True)
class RunView:
    """A recorded run: its number, and the entry that credits this picture, if one does.

    `rule` is the share rule that the run names; None where nothing says what it was. `entry_rule`:
    the id of that by which the entry was booked, for a picture that is credited already;
    `entry_micro`: what that entry gives to whom, `entry_date` when.
    """

    number: int
    record: RunRecord
    entry: int | None
    reversed: bool = False
    rule: ShareRule | None = None
    entry_rule: str = ""
    entry_micro: Mapping[str, int] = field(default_factory=dict)
    entry_date: str = ""


@dataclass(frozen=True)
class Posting:
    """One line of an entry; lines sum to 0."""

    account: str
    artist_id: str | None
    artist: str | None
    micro: int


@dataclass(frozen=True)
class Entry:
    """One entry: `number` counts from 1; a reversal names the entry it takes back, an adjustment
    the `dispute` by which credit moved and the entry that is `disputed`."""

    id: str
    number: int
    kind: str
    run_id: str | None
    rule_id: str
    reverses: int | None
    reversed_by: int | None
    reason: str | None
    actor: str | None
    created_at: str
    hash: str
    postings: tuple[Posting, ...]
    run_kind: str = ""
    style: str = ""
    image_file: str = ""
    dispute: int | None = None
    disputed: int | None = None


@dataclass(frozen=True)
class LedgerFilter:
    """Which entries: by artist id, class, kind of run, and days [since, until)."""

    artist: str | None = None
    style: str | None = None
    kind: str | None = None
    since: str | None = None
    until: str | None = None


EVERYTHING = LedgerFilter()


@dataclass(frozen=True, kw_only=True)
class RunSearch:
    """Which runs, beside the filter: by verdict, and by `text`, letters of an upload's file name in
    any case or the run's number (12, #000012)."""

    verdict: str | None = None
    text: str | None = None


ALL_RUNS = RunSearch()


@dataclass(frozen=True)
class ArtistTotal:
    """An artist's net credit; `works` that were proponents, `entries` that credited them; `share`:
    of the total, 0 where the totals are not `apportioned`."""

    artist_id: str
    name: str
    micro: int
    share: float
    works: int
    entries: int


@dataclass(frozen=True)
class Totals:
    """Net credit by artist, highest first, what is kept for unknown makers, and the rest.

    `credited`: how many artists have any; `more` artists, with `more_micro`, are not listed. Not
    `apportioned`: the chosen entries take back more than they give, here or there, so that nothing
    is a part of their total.
    """

    artists: tuple[ArtistTotal, ...]
    unattributed_micro: int
    total_micro: int
    entries: int
    head_hash: str
    unknown: tuple[ArtistTotal, ...] = ()
    credited: int = 0
    more: int = 0
    more_micro: int = 0
    apportioned: bool = True

    @property
    def unknown_micro(self) -> int:
        """What is kept for makers whom nobody knows."""
        return sum(one.micro for one in self.unknown)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of `total` items: page `page` (from 1), `per_page` items per page."""

    items: tuple[T, ...]
    page: int
    per_page: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.total // self.per_page))


@dataclass(frozen=True)
class KnownArtist:
    """An artist the ledger knows: status `active` or `opted-out`; `masked`: `name` is withheld."""

    id: str
    name: str
    status: str
    masked: bool = False


@dataclass(frozen=True)
class StatusChange:
    """One change of an artist's status, kept for ever; `masked`: the name is withheld since."""

    artist_id: str
    status: str
    reason: str
    actor: str
    created_at: str
    masked: bool = False


@dataclass(frozen=True, kw_only=True)
class DisputeEvent:
    """One step of a dispute: opened, comment or resolved; `adjustment`: the entry that moved
    credit by it."""

    kind: str
    reason: str
    actor: str
    created_at: str
    adjustment: int | None = None


@dataclass(frozen=True, kw_only=True)
class Dispute:
    """A dispute about the credit of an entry, of one artist or (None) of all it credits.

    `micro` is what is disputed. `state`: open, upheld or rejected; upheld, it was paid to
    `paid_to`, or stays in escrow where that is None.
    """

    number: int
    entry: int
    run_id: str | None
    artist_id: str | None
    artist: str | None
    micro: int
    state: str
    paid_to: str | None
    paid_to_name: str | None
    events: tuple[DisputeEvent, ...]


@dataclass(frozen=True)
class Statement:
    """An artist's entries of a period, what they sum to, and the balance before and after.

    `period` is the month, where it is one; else days [`since`, `until`), None: no bound. Balances
    are in micro-credits. `escrow_micro` and `escrow_opening`: what is kept besides, paid to nobody.
    `entries`: how many there are; `lines` may hold only the newest of them, the sums are over all.
    `head_before` and `head_after`: hash of the last entry before the period, and of it.
    """

    artist: KnownArtist
    period: str | None
    micro: int
    lines: tuple[tuple[Entry, int], ...]
    changes: tuple[StatusChange, ...] = field(default_factory=tuple)
    escrow_micro: int = 0
    entries: int = 0
    since: str | None = None
    until: str | None = None
    opening: int = 0
    escrow_opening: int = 0
    head_before: str = GENESIS
    head_after: str = GENESIS

    @property
    def closing(self) -> int:
        """The balance at the end: that with which the next period opens."""
        return self.opening + self.micro

    @property
    def escrow_closing(self) -> int:
        """What is kept in escrow at the end."""
        return self.escrow_opening + self.escrow_micro


@dataclass(frozen=True)
class FirstBad:
    """Where the proof fails: the entry's number (0: the ledger as a whole) and why."""

    entry: int
    reason: str


@dataclass(frozen=True)
class Verification:
    """Whether every entry is as it was written; not `whole`: those after the last verified head,
    and no running total. `entries` are there, `verified` of them were recomputed."""

    ok: bool
    entries: int
    head_hash: str
    first_bad: FirstBad | None = None
    whole: bool = True
    before: int = 0

    @property
    def verified(self) -> int:
        """How many entries were recomputed; those `before` had been verified already."""
        return self.entries - self.before
