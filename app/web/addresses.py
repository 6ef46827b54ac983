"""Where things are on this server, and where an artist is known elsewhere.

In: ids. Out: addresses with every part quoted: within this server, or https. No text from a
collection ever becomes a whole address.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

ELSEWHERE = {
    "wikidata": "https://www.wikidata.org/wiki/{}",
    "ulan": "https://vocab.getty.edu/ulan/{}",
    "isni": "https://isni.org/isni/{}",
    "viaf": "https://viaf.org/viaf/{}",
    "orcid": "https://orcid.org/{}",
}


def work_picture(work_id: str) -> str:
    """A work's picture."""
    return f"/media/works/{quote(work_id, safe='')}"


def run_picture(run_id: str) -> str:
    """A run's picture."""
    return f"/media/runs/{quote(run_id, safe='')}.png"


def picture_without(run_id: str, artist_id: str, way: str) -> str:
    """The picture of a run painted again without an artist."""
    place = f"/media/runs/{quote(run_id, safe='')}/without/{quote(artist_id, safe='')}.png"
    return with_query(place, {"way": way})


def run_page(run_id: str) -> str:
    """A run's permalink."""
    return with_query("/", {"run": run_id})


def run_file(run_id: str, ending: str) -> str:
    """What can be taken along of a run: `.json`, `/evidence.zip`."""
    return f"/runs/{quote(run_id, safe='')}{ending}"


def artist_page(artist_id: str, period: str = "") -> str:
    """An artist's page; of one month, if `period` names one."""
    return with_query("/artists", {"id": artist_id, "period": period})


def with_query(address: str, /, query: Mapping[str, str], **more: object) -> str:
    """An address with the parts of a query, and of `more`, that say something."""
    kept = {name: value for name, value in {**query, **more}.items() if value}
    return f"{address}?{urlencode(kept)}" if kept else address


def identifier_page(scheme: str, value: str) -> str | None:
    """Where an identifier's keeper says who it is; None for a scheme that is not known."""
    template = ELSEWHERE.get(scheme.lower())
    return template.format(quote(value, safe="")) if template else None


FILTERS = (
    work_picture,
    run_picture,
    picture_without,
    run_page,
    run_file,
    artist_page,
    with_query,
)
