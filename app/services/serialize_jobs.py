"""Jobs, lists and refusals as the API answers them, one model per object.

In: how far a job is; pages of runs and artists. Out: frozen models as in `serialize`. What verbs
answer too is in `serialize` and `serialize_ledger`, and is not said again here.
"""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, Field

from app.services.jobs import FINISHED, JobProgress
from app.services.runs import MAX_GUIDANCE, MAX_SEED, MAX_STEPS
from app.services.serialize import Number, Record
from app.services.serialize_ledger import RecordedRun
from app.services.session import Studio
from core.ledger.records import KnownArtist, Page, RunView

STATE_WORDS = (
    "`waiting`, `running`, `finished`; or, with `words`: `failed`, `cancelled`, `interrupted`, "
    "`unrecorded` (the picture is kept), `untraced` (the same)"
)


class ErrorRecord(Record):
    """A refusal: the thing, the cause and the remedy, as one sentence or several."""

    detail: str = Field(description="What is wrong and what to do")


class GenerationOrder(Record):
    """What to paint. Whatever is left out is as the collection usually paints."""

    model_config = ConfigDict(defer_build=False)  # FastAPI warns of what it builds later

    style: str = Field(
        validation_alias="class",
        serialization_alias="class",
        description="A class of the collection, as `/studio` lists them",
        examples=["cubism"],
    )
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, description="Same seed, same picture; null: a new one"
    )
    steps: int | None = Field(None, ge=1, le=MAX_STEPS, description="Denoising steps")
    guidance: float | None = Field(None, ge=0, le=MAX_GUIDANCE, description="How closely to follow")
    method: str = Field("d-trak", max_length=40, description="By which influence is measured")
    book: bool = Field(True, description="Whether credit is recorded in the ledger")


class JobRecord(Record):
    """How far a job is. Its id is that of the run that it becomes."""

    id: str = Field(description="Id of the job, and of its run")
    kind: str = Field(description="`generation` or `upload`")
    state: str = Field(description=STATE_WORDS)
    created_at: str = Field(description="UTC, ISO 8601")
    position: int | None = Field(description="Place in the queue, 1: next; null: not waiting")
    seconds_left: Number | None = Field(description="Until its result, about; null: not known")
    done: int | None = Field(description="Steps that are painted; null: none yet")
    total: int | None = Field(description="Steps altogether; null: none yet")
    works: int | None = Field(description="Works among which influence is traced; null: not yet")
    words: str = Field(description="Why it ended without a run; empty: it has not")
    job: str = Field(description="Its address")
    events: str = Field(description="Address of its progress, as server-sent events")
    run: str | None = Field(description="Address of the run; null: not finished")
    page: str = Field(description="Address of the page that shows both")

    @classmethod
    def of(cls, job: JobProgress, root: str, page: str) -> Self:
        """`root`: where the API lies; `page`: the address of the run's page."""
        done, total = job.steps or (None, None)
        return cls(
            id=job.id,
            kind=job.kind,
            state=job.state,
            created_at=job.created_at,
            position=job.position,
            seconds_left=job.seconds_left,
            done=done,
            total=total,
            works=job.works,
            words=job.words,
            job=f"{root}/jobs/{job.id}",
            events=f"{root}/jobs/{job.id}/events",
            run=f"{root}/runs/{job.id}" if job.state == FINISHED else None,
            page=page,
        )


class RunsPage(Record):
    """A page of runs, each without its influences."""

    runs: tuple[RecordedRun, ...] = Field(description="Newest first")
    page: int = Field(description="Which page, from 1")
    pages: int = Field(description="How many pages")
    per_page: int = Field(description="Runs per page")
    total: int = Field(description="Runs on all pages")

    @classmethod
    def of(cls, page: Page[RunView], permalinks: tuple[str, ...]) -> Self:
        """`permalinks`: the address of each run's page."""
        runs = zip(page.items, permalinks, strict=True)
        return cls(
            runs=tuple(RecordedRun.of(view, permalink) for view, permalink in runs),
            page=page.page,
            pages=page.pages,
            per_page=page.per_page,
            total=page.total,
        )


class ListedArtist(Record):
    """An artist whom the ledger knows."""

    artist: str = Field(description="Name of the artist")
    artist_id: str = Field(description="Id of the artist")
    status: str = Field(description="`active` or `opted-out`")


class ArtistsPage(Record):
    """A page of artists."""

    artists: tuple[ListedArtist, ...] = Field(description="By name")
    page: int = Field(description="Which page, from 1")
    pages: int = Field(description="How many pages")
    per_page: int = Field(description="Artists per page")
    total: int = Field(description="Artists on all pages")

    @classmethod
    def of(cls, known: list[KnownArtist], page: int, per_page: int) -> Self:
        """Of all that the ledger knows."""
        first = (page - 1) * per_page
        some = Page(tuple(known[first : first + per_page]), page, per_page, len(known))
        return cls(
            artists=tuple(
                ListedArtist(artist=one.name, artist_id=one.id, status=one.status)
                for one in some.items
            ),
            page=some.page,
            pages=some.pages,
            per_page=some.per_page,
            total=some.total,
        )


class StudioRecord(Record):
    """What this studio paints with and knows."""

    collection: str = Field(description="Name of the collection")
    title: str = Field(description="Its title")
    classes: tuple[str, ...] = Field(description="Classes that can be painted")
    works: int = Field(description="How many works")
    artists: int = Field(description="How many artists")
    methods: tuple[str, ...] = Field(description="Methods that can be asked for")
    steps: int = Field(description="The usual number of steps")
    guidance: Number = Field(description="The usual guidance scale")

    @classmethod
    def of(cls, studio: Studio) -> Self:
        """Of the collection as it is now."""
        collection = studio.collection
        return cls(
            collection=collection.name,
            title=collection.title,
            classes=collection.styles,
            works=len(collection.works),
            artists=len(collection.artists),
            methods=studio.engine.methods_available,
            steps=collection.default_steps,
            guidance=collection.default_guidance,
        )
