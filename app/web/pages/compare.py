"""Compare: two runs side by side; the address names both, so that it can be kept and sent on.

In: a studio and the query (`a`, `b`: ids of runs). Out: HTML.
"""

from __future__ import annotations

from app.services.session import Studio
from app.web.formatting import render
from app.web.language import ENGLISH, Language
from app.web.pages.ledger import Query
from app.web.views.comparison import RunComparison


def compare_page(studio: Studio, query: Query, language: Language = ENGLISH) -> str:
    """The two runs of the address; the way to choose them where one is missing."""
    with studio.ledger.moment() as moment:
        first, second = (moment.run(query.get(name, "")) for name in ("a", "b"))
    if first is None or second is None:
        known = first or second
        named = bool(query.get("a") or query.get("b"))
        return render("choosing.choose", language, known=known, named=named)
    pair = RunComparison.of(first, second, studio.shown_names, language)
    return render("compare", language, pair=pair)
