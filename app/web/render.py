"""Values in, HTML out: the one place where templates meet what they show.

In: a name and plain values. Out: HTML in which every value is text. Knows no page; escaping is
Jinja's (autoescape), and nothing else in `app` writes markup.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web import addresses, formatting
from core.attribution.scoring.influence import is_extreme

TEMPLATES = Path(__file__).parent / "templates"

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
environment.filters |= {one.__name__: one for one in (*formatting.FILTERS, *addresses.FILTERS)}
environment.tests["extreme"] = is_extreme
environment.globals |= {
    "KINDS": formatting.KINDS,
    "SIGNALS": formatting.SIGNALS,
    "identifier_page": addresses.identifier_page,
}


def render(name: str, **values: object) -> str:
    """HTML of `name`: "ledger" is all of ledger.html, "run.recipe" the macro `recipe` of run.html.

    Raises `UndefinedError` for a value that the template needs and does not get, `TypeError` for
    one that the macro does not take.
    """
    file, _, macro = name.partition(".")
    template = environment.get_template(f"{file}.html")
    if not macro:
        return template.render(values)
    return str(getattr(template.module, macro)(**values))
