"""What the verbs answer as JSON, one model per object; and an attribution as lines for a person.

In: results of the core and of the other services. Out: frozen models whose fields, in this order,
are the documented JSON: `assets/docs/reference.md` is written from them. Computes nothing; knows no
page. What the ledger answers is in `serialize_ledger`, what benchmarks answer in `evaluation`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from core.errors import CreditlineError
from core.ledger.export import credits

if TYPE_CHECKING:
    from app.services.runs import RunFinished, Traced
    from core.attribution.result import Attribution, Influence
    from core.collection.importing.importer import ImportReport
    from core.collection.types import Collection
    from core.ledger.shares import Shares

# JSON has no word for what is not a number: it is written as null, and read back as NaN.
Number = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(lambda value: value if math.isfinite(value) else None, float | None),
]
File = Annotated[Path, PlainSerializer(Path.as_posix, str)]


class Record(BaseModel):
    """An object of the documented JSON. A key whose field was not given is not written."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        from_attributes=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        defer_build=True,  # a verb needs few of them
    )

    def plain(self) -> dict[str, Any]:
        """As `json` knows it, keys in the order of the fields."""
        return self.model_dump(mode="json", exclude_unset=True)


class QueryRecord(Record):
    """The picture that was traced."""

    sha256: str = Field(description="Digest of the file; of the pixels where it was painted here")
    width: int = Field(description="Pixels")
    height: int = Field(description="Pixels")
    style: str = Field(
        validation_alias="class",  # a word of Python
        serialization_alias="class",
        description="The class it was traced in: given, or guessed",
    )


class TrustRecord(Record):
    """Whether the model knows pictures like this one."""

    familiarity: Number = Field(description="0 to 1")
    verdict: str = Field(description="`familiar`, `uncertain` or `unfamiliar`")
    words: str = Field(description="The verdict as a sentence")


class SecondsRecord(Record):
    """How long each part took."""

    encode: Number = Field(description="Picture to latents")
    gradient: Number = Field(description="Latents to features")
    score: Number = Field(description="Features to scores")
    total: Number = Field(description="All of it")


class InfluenceRecord(Record):
    """One work's influence on a picture."""

    work_id: str = Field(description="Id of the work in its collection")
    title: str = Field(description="Title of the work")
    artist: str = Field(description="Who made it, as a label says it")
    style: str = Field(description="Class of the work")
    score: Number = Field(description="Positive: proponent; negative: opponent")
    z: Number = Field(description="Standard deviations above the work's score on other pictures")
    self_influence: Number = Field(description="The work's influence on itself")
    part: Number | None = Field(description="How much of the picture is owed to it; null: unknown")
    file: str = Field(description="The picture, relative to the collection")

    @classmethod
    def of(cls, row: Influence, collection: Collection) -> Self:
        """Of one work of the collection that was traced."""
        work = row.work
        return cls(
            work_id=work.id,
            title=work.title,
            artist=collection.credit_line(work),
            style=work.style,
            score=row.score,
            z=row.z,
            self_influence=row.self_influence,
            part=row.part,
            file=work.file,
        )


class ShareRecord(Record):
    """One artist's share of a picture's credit."""

    artist: str = Field(description="Name of the artist")
    micro: int = Field(description="Micro-credits; 1,000,000 per picture")


class RemainderRecord(Record):
    """What no artist gets, by its reason, in micro-credits."""

    base: int = Field(
        description="Not owed to the collection: the model had it before, or never learnt it"
    )
    weak: int = Field(description="Owed to it, but to no artist above chance")
    withheld: int = Field(description="Of artists who opted out or left, or above a cap")


class AttributionRecord(Record):
    """Which works shaped a picture, and who would be credited."""

    collection: str = Field(description="Name of the collection")
    method: str = Field(description="Name of the method")
    spec_digest: str = Field(description="Digest of how the features were made")
    query: QueryRecord = Field(description="The picture")
    trust: TrustRecord = Field(description="How far to trust the answer")
    query_leverage: Number = Field(description="How unlike the works' features the picture's are")
    proponents: tuple[InfluenceRecord, ...] = Field(description="Highest scores first, `--top`")
    opponents: tuple[InfluenceRecord, ...] = Field(description="Lowest scores first, `--top`")
    shares: tuple[ShareRecord, ...] = Field(description="Credit per artist, highest first")
    unattributed_micro: int = Field(description="Micro-credits that no artist gets")
    remainder: RemainderRecord | None = Field(description="Why; null: by a rule that cannot tell")
    attributable: Number | None = Field(
        description="How much of the picture is owed to the collection, 0 to 1; null: unknown"
    )
    signals: dict[str, Number] = Field(description="What `attributable` follows from")
    seconds: SecondsRecord = Field(description="How long it took")

    @classmethod
    def of(cls, attribution: Attribution, shares: Shares, top: int, **more: object) -> Self:
        """`top` works per side; `more`: the fields that a subclass adds."""
        collection = attribution.collection
        names = collection.artist_names
        ranked = sorted(shares.artist_micro.items(), key=lambda item: (-item[1], item[0]))
        fields: dict[str, object] = {
            "collection": collection.name,
            "method": attribution.method,
            "spec_digest": attribution.spec_digest,
            "query": QueryRecord(
                sha256=attribution.query_sha256,
                width=attribution.width,
                height=attribution.height,
                style=attribution.style,
            ),
            "trust": attribution.trust,
            "query_leverage": attribution.query_leverage,
            "proponents": [
                InfluenceRecord.of(row, collection) for row in attribution.proponents(top)
            ],
            "opponents": [
                InfluenceRecord.of(row, collection) for row in attribution.opponents(top)
            ],
            "shares": [
                ShareRecord(artist=names.get(artist, artist), micro=micro)
                for artist, micro in ranked
            ],
            "unattributed_micro": shares.unattributed_micro,
            "remainder": None if attribution.attributable is None else shares.remainder,
            "attributable": attribution.attributable,
            "signals": attribution.signals,
            "seconds": attribution.seconds,
        }
        return cls.model_validate(fields | more)


class GenerationRecord(AttributionRecord):
    """A painted picture, traced and recorded."""

    run: str = Field(description="Id of the run")
    seed: int = Field(description="Seed it was painted from")
    steps: int = Field(description="Denoising steps")
    guidance: Number = Field(description="Guidance scale")
    entry: int | None = Field(description="Number of the ledger's entry; null: nothing booked")
    image_sha256: str = Field(description="Digest of size and pixels")
    file: File = Field(description="The picture: `-o`, else where the run is kept")

    @classmethod
    def of_run(cls, run: RunFinished, outputs: Path, top: int, file: Path | None) -> Self:
        """`outputs`: the folder of kept pictures; `file`: where else it was written."""
        assert run.view is not None
        return cls.of(
            run.attribution,
            run.shares,
            top,
            run=run.record.id,
            seed=run.record.seed,
            steps=run.record.steps,
            guidance=run.record.guidance,
            entry=run.view.entry,
            image_sha256=run.record.image_sha256,
            file=file or outputs / run.record.image_file,
        )


class _GivenFile(Record):
    file: File = Field(description="The path, as given")


class TraceRecord(AttributionRecord, _GivenFile):  # fields of the last base come first
    """A picture that was traced."""

    run: str | None = Field(None, description="Id of the run; only with `--record`")
    entry: int | None = Field(None, description="Number of its entry; only with `--record`")

    @classmethod
    def of_traced(cls, traced: Traced, top: int) -> Self:
        """Of a picture that was not refused."""
        run = traced.run
        assert run is not None
        recorded: dict[str, object] = {}
        if run.view is not None:
            recorded = {"run": run.record.id, "entry": run.view.entry}
        return cls.of(run.attribution, run.shares, top, file=traced.path, **recorded)


class RefusalRecord(_GivenFile):
    """A picture that was refused."""

    collection: str = Field(description="Name of the collection")
    method: str = Field(description="Name of the method")
    error: str = Field(description="Why, and what to do")

    @classmethod
    def of(cls, traced: Traced, error: CreditlineError) -> Self:
        """`error`: with which it was refused."""
        return cls(
            file=traced.path,
            collection=traced.collection,
            method=traced.method,
            error=error.message,
        )


class MethodRecord(Record):
    """A method, its choices and what it needs."""

    name: str = Field(description="As `--method` takes it")
    title: str = Field(description="Name for people")
    representation: str = Field(description="Which vectors stand for works and pictures")
    normalised: bool = Field(
        description="Whether every timestep's gradient is brought to length 1 before their mean"
    )
    preconditioner: str = Field(description="What that mean is multiplied by; `none`: nothing")
    kernel: str = Field(description="How a work's vector becomes its row of weights")
    works_scale: str = Field(description="What each work's row is divided by")
    query_scale: str = Field(description="`unit`: the picture's vector is brought to length 1")
    stack: str = Field(description="Over which models the mean is taken")
    query: str = Field(description="Which pictures the query's vector comes from")
    served: bool = Field(description="Whether the studio can answer with it")
    formula: str = Field(description="The score")
    cost: str = Field(description="What it costs")
    needs: str = Field(description="What has to be made before")


def method_records() -> list[MethodRecord]:
    """Every method, in the table's order."""
    from core.attribution.methods import METHODS

    return [MethodRecord.model_validate(row) for row in METHODS.values()]


class CollectionRecord(Record):
    """A collection at hand."""

    name: str = Field(description="Its name")
    path: File = Field(description="Its folder")
    classes: tuple[str, ...] = Field(description="Classes of its works")
    works: int = Field(description="How many works")
    artists: int = Field(description="How many artists")

    @classmethod
    def of(cls, collection: Collection) -> Self:
        """What is listed of it."""
        return cls(
            name=collection.name,
            path=collection.path,
            classes=collection.styles,
            works=len(collection.works),
            artists=len(collection.artists),
        )


class RowRecord(Record):
    """A row of the source and what is said of it."""

    row: str = Field(description="File, or line of the table and file")
    reason: str = Field(description="Why, and what to do")


class DuplicateRecord(Record):
    """A row whose picture is there already, or looks alike."""

    row: str = Field(description="File, or line of the table and file")
    work_id: str = Field(description="The work that it equals or resembles")
    by: str = Field(description="`content`: the same picture, not taken; `look`: taken")
    distance: int = Field(description="Of the two looks, in bits of 64")


class ImportRecord(Record):
    """What an import did, or with `--preview` would do."""

    name: str = Field(description="Name of the collection")
    path: File | None = Field(description="Its folder, `--to`")
    written: bool = Field(description="Whether anything was written")
    rows: int = Field(description="Rows or files of the source")
    works: int = Field(description="Works of the collection afterwards")
    artists: int = Field(description="Artists of the collection afterwards")
    imported: int = Field(description="Rows that became new works")
    updated: int = Field(description="Rows that changed works")
    unchanged: int = Field(description="Rows that were there already")
    skipped: int = Field(description="Rows that the options left out")
    refused: tuple[RowRecord, ...] = Field(description="Rows that could not be taken")
    duplicates: tuple[DuplicateRecord, ...] = Field(description="Rows that are there twice")
    remarks: tuple[RowRecord, ...] = Field(description="Rows taken, but not as they were written")
    years: tuple[int, int] | None = Field(description="First and last; null: none can be read")
    unlicensed: int = Field(description="Works without a stated licence")
    notes: tuple[str, ...] = Field(description="What is to be said of the source as a whole")

    @classmethod
    def of(cls, report: ImportReport, to: Path | None) -> Self:
        """`to`: the collection's folder."""
        named = {"name": report.collection.name, "path": to}
        same = {name: getattr(report, name) for name in cls.model_fields if name not in named}
        return cls.model_validate(named | same)


class RemovalRecord(Record):
    """Works that left a collection."""

    removed: tuple[str, ...] = Field(description="Ids of the works")
    features: int = Field(description="Rows of features that left with them")
    works: int = Field(description="Works that stay")


class TrainingRecord(Record):
    """A LoRA that was trained or brought."""

    collection: str = Field(description="Name of the collection")
    works: int = Field(description="Works it learnt")
    rank: int = Field(description="Rank of the LoRA")
    seed: int = Field(description="Seed of the training")
    model: File = Field(description="Folder of the base model")
    lora: File = Field(description="Folder of the LoRA")


class FeaturesRecord(Record):
    """Features that were made; with `--name all`, those of the default method."""

    works: int = Field(description="Works that have features")
    dimension: int = Field(description="Features per work")
    spec_digest: str = Field(description="Digest of how they were made")
    path: File = Field(description="Their folder")


class ScoresRecord(Record):
    """Scores that were written."""

    method: str = Field(description="Name of the method")
    works: int = Field(description="Columns of `scores`")
    queries: int = Field(description="Rows of `scores`")
    lambda_: Number | None = Field(description="`--lambda`; null: the default rule's")
    output: File = Field(description="The file")


class WorkshopRecord(Record):
    """A workshop of the embedded collection."""

    slug: str = Field(description="As `--workshop` takes it")
    name: str = Field(description="Name for people")
    style: str = Field(description="Class of its works")


class PaintingRecord(Record):
    """A work that a workshop painted."""

    workshop: str = Field(description="Slug of the workshop")
    name: str = Field(description="Name of the workshop")
    style: str = Field(description="Class of the work")
    title: str = Field(description="Title of the work")
    seed: int = Field(description="Seed it was painted from")
    file: File = Field(description="The picture, `-o`")


class RebuildRecord(Record):
    """The embedded collection built again, beside what ships."""

    compared: int = Field(description="Files compared, byte for byte")
    changed: tuple[str, ...] = Field(description="Files that differ")


class FindingRecord(Record):
    """One check of `doctor`."""

    name: str = Field(description="What was looked at")
    ok: bool = Field(description="Whether it is fit")
    words: str = Field(description="What was seen")
    remedy: str = Field(description="What to do; empty where it is fit")


class DoctorRecord(Record):
    """What `doctor` found."""

    ok: bool = Field(description="Whether everything is fit")
    checks: tuple[FindingRecord, ...] = Field(description="Every check")


def attribution_lines(record: AttributionRecord) -> Iterator[str]:
    """What a person reads: trust before names, z beside the raw score."""
    yield f"{record.query.style}, by {record.method}: {record.trust.words}"
    for title, rows in (
        ("Shaped it most", record.proponents),
        ("Pulled away", record.opponents),
    ):
        yield f"{title}:"
        if not rows:
            yield "  nothing above the noise"
        for row in rows:
            mark = f"{row.z:+6.1f} sigma" if row.part is None else f"{100 * row.part:6.2f} %"
            yield f"  {mark}  {row.title}, {row.artist} (score {row.score:.4g}, {row.work_id})"
    yield "Credit for this image:"
    for share in record.shares:
        yield f"  {credits(share.micro)}  {share.artist}"
    if record.remainder is None:
        yield f"  {credits(record.unattributed_micro)}  Unattributed"
    else:
        yield f"  {credits(record.remainder.base)}  The base model's"
        yield f"  {credits(record.remainder.weak)}  Too weak to tell"
        if record.remainder.withheld:
            yield f"  {credits(record.remainder.withheld)}  Kept back"
    yield f"  {record.seconds.total:.2f} s"
