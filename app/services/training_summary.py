"""What a collection's model learnt from, in the form of the EU's summary of training content.

In: a collection, the wishes of this home, the ledger. Out: values by section (general, sources,
processing), as a model for JSON and as Markdown. After the template for Article 53(1)(d) of
Regulation (EU) 2024/1689. What the studio cannot know stays open, for its keeper to write; it
claims no conformity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field

from app.services.serialize import Record
from app.settings import EMBEDDED
from core.collection.artists.opt_outs import OptOuts
from core.collection.importing.fields import year_range
from core.collection.importing.reservations import KeptReservation, read_reservations
from core.collection.removal import removed_works
from core.collection.types import Collection, Work
from core.ledger.write import now

PLACES = 20  # places of origin, licences and classes that are named; the rest is counted
OTHERS = "others"
NOT_STATED = "not stated"


class CountedName(Record):
    """How many works have something."""

    name: str = Field(description="What")
    works: int = Field(description="How many works")


class SummarySources(Record):
    """Where the works come from, by the kinds of the template; null: for the keeper to say."""

    public_data_sets: int | None = Field(description="Of publicly available data sets")
    licensed: int | None = Field(description="Licensed by their holders of rights")
    other_third_party: int | None = Field(description="Of other third parties")
    crawled: int = Field(description="Crawled by the studio: it fetches nothing")
    users: int = Field(description="Of users: uploads are traced, never learnt from")
    synthetic: int = Field(description="Made by programs of this project")
    places: tuple[CountedName, ...] = Field(description="Sites that works name as their source")
    licences: tuple[CountedName, ...] = Field(description="Licences as stated")


class SummaryProcessing(Record):
    """What was done about reservations of rights and about what must not be there."""

    reservations_read: tuple[str, ...] = Field(description="Signals that an import reads")
    refused_for_reservation: int = Field(description="Files not taken because they say no")
    taken_by_permission: int = Field(description="Works taken by a holder's word though they do")
    wishes: int = Field(description="Wishes to be left out that are kept")
    removed: int = Field(description="Works taken out afterwards")
    illegal_content: str | None = Field(description="Measures; null: for the keeper to say")


class TrainingSummary(Record):
    """A collection, as the template of the summary asks."""

    collection: str = Field(description="Name of the collection")
    title: str = Field(description="Its title")
    provider: str | None = Field(description="Who answers for the model; null: for the keeper")
    made_at: str = Field(description="When this was written: UTC, ISO 8601")
    works_digest: str = Field(description="sha256 over the works, in order, and their makers")
    modality: str = Field(description="Of the training data")
    works: int = Field(description="Pictures that were learnt from")
    artists: int = Field(description="Artists who are named")
    unknown: int = Field(description="Works of makers whom nobody knows")
    side: int = Field(description="Pixels of a side, as learnt")
    years: tuple[int, int] | None = Field(description="First and last year; null: not known")
    classes: tuple[CountedName, ...] = Field(description="Classes")
    sources: SummarySources = Field(description="Where the works come from")
    processing: SummaryProcessing = Field(description="Reservations, removals")

    @classmethod
    def of(cls, collection: Collection, opt_outs: OptOuts) -> Self:
        """Of a collection as it is now, and the wishes that hold for it."""
        works = collection.works
        spans = [span for work in works if (span := year_range(work.year))]
        made_here = len(works) if collection.path.resolve() == EMBEDDED.resolve() else 0
        kept = read_reservations(collection.path)
        return cls(
            collection=collection.name,
            title=collection.title,
            provider=None,
            made_at=now(),
            works_digest=collection.digest,
            modality="images",
            works=len(works),
            artists=sum(artist.payable for artist in collection.artists),
            unknown=sum(all(who in collection.unpaid for who, _ in work.makers) for work in works),
            side=collection.image_size,
            years=(min(a for a, _ in spans), max(b for _, b in spans)) if spans else None,
            classes=_most(work.style for work in works),
            sources=SummarySources(
                public_data_sets=0 if made_here else None,
                licensed=0 if made_here else None,
                other_third_party=0 if made_here else None,
                crawled=0,
                users=0,
                synthetic=made_here,
                places=_most(map(_place, works)),
                licences=_most(work.licence or NOT_STATED for work in works),
            ),
            processing=SummaryProcessing(
                reservations_read=(
                    "CAWG training and data mining",
                    "IPTC/PLUS data mining",
                    "TDM reservation",
                    "wishes kept by the studio",
                ),
                refused_for_reservation=_files(one for one in kept if not one.work_id),
                taken_by_permission=_files(one for one in kept if one.permission),
                wishes=len(opt_outs.wishes),
                removed=len(removed_works(collection.path)),
                illegal_content=None,
            ),
        )


def _files(rows: Iterable[KeptReservation]) -> int:
    return len({one.sha256 for one in rows})


def _place(work: Work) -> str:
    """The site that a work names as its source; no page of it, and no path of this machine."""
    parts = urlsplit(work.source.strip())
    if parts.scheme in ("http", "https") and parts.hostname:
        return parts.hostname
    return NOT_STATED if not work.source.strip() else "named otherwise"


def _most(names: Iterable[str]) -> tuple[CountedName, ...]:
    counts = sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0]))
    named = [CountedName(name=name, works=count) for name, count in counts[:PLACES]]
    rest = sum(count for _, count in counts[PLACES:])
    return (*named, *([CountedName(name=OTHERS, works=rest)] if rest else []))


def summary_markdown(summary: TrainingSummary) -> str:
    """The summary as Markdown, its open places marked."""
    sources, done = summary.sources, summary.processing
    span = "-".join(map(str, summary.years)) if summary.years else None
    sections = (
        (
            "1. General information",
            (
                ("Provider", summary.provider),
                ("Model", f"LoRA of the collection '{_plain(summary.title)}'"),
                ("Written on", summary.made_at[:10]),
                ("Modality", summary.modality),
                ("Size", f"{summary.works} pictures of {summary.side} x {summary.side} pixels"),
                ("Artists named", summary.artists),
                ("Works of unknown makers", summary.unknown),
                ("Years", span or NOT_STATED),
                ("Classes", _listed(summary.classes)),
                ("Works (sha256)", summary.works_digest),
            ),
        ),
        (
            "2. Sources",
            (
                ("2.1 Publicly available data sets", sources.public_data_sets),
                ("2.2 Licensed by holders of rights", sources.licensed),
                ("2.2 Of other third parties", sources.other_third_party),
                ("2.3 Crawled and scraped", f"{sources.crawled}: the studio fetches nothing"),
                ("2.4 Of users", f"{sources.users}: uploads are traced, never learnt from"),
                ("2.5 Synthetic", f"{sources.synthetic}, made by programs of this project"),
                ("Sites that works name", _listed(sources.places)),
                ("Licences as stated", _listed(sources.licences)),
            ),
        ),
        (
            "3. Processing",
            (
                ("3.1 Reservations that are read", ", ".join(done.reservations_read)),
                ("3.1 Files not taken because they say no", done.refused_for_reservation),
                ("3.1 Works taken by a holder's word", done.taken_by_permission),
                ("3.1 Wishes to be left out", done.wishes),
                ("3.1 Works taken out afterwards", done.removed),
                ("3.2 Illegal content", done.illegal_content),
            ),
        ),
    )
    lines = [
        f"# Summary of training content: {_plain(summary.title)}",
        "",
        "After the template for Article 53(1)(d) of Regulation (EU) 2024/1689. It was counted from "
        "the collection's own tables; what is marked *to be written* only its keeper knows.",
    ]
    for title, rows in sections:
        lines += ["", f"## {title}", ""]
        lines += [f"- {name}: {_or_open(value)}" for name, value in rows]
    return "\n".join(lines) + "\n"


def _or_open(value: object) -> str:
    return "*to be written*" if value is None else str(value)


def _listed(rows: tuple[CountedName, ...]) -> str:
    return ", ".join(f"{_plain(one.name)} ({one.works})" for one in rows) or NOT_STATED


def _plain(text: str) -> str:
    """Text that Markdown takes for nothing else."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|" else letter for letter in text)
