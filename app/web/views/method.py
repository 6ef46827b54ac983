"""How it works, in words, and the exact choices behind the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.web.views import report as report_view
from app.web.views.html import e, with_query
from app.web.views.rules import rule_words
from core.attribution.methods import Method
from core.collection.types import Collection
from core.ledger.shares import WHOLE, ShareRule

STORY = """
<h2 class="cl-h2">How a picture is traced</h2>
<ol class="cl-story">
<li><b>The model has learnt from works.</b> Each training work left a small mark in the numbers that
were taught (the LoRA). How a work would push those numbers is its <i>gradient</i>.</li>
<li><b>The new picture is asked the same question.</b> How would learning it push the same
numbers?</li>
<li><b>The two answers are compared.</b> A work that pushes the same way shaped the picture (a
<i>proponent</i>); one that pushes the other way pulled away (an <i>opponent</i>). What every work
has in common is taken out first.</li>
<li><b>Chance is measured.</b> Each work's score is compared with its usual score over pictures the
model painted: “+4.1σ” stands 4.1 spreads above it.</li>
<li><b>Credit follows a written rule.</b> {rule} Opponents are shown, never debited. One picture is
one credit: {whole:,} micro-credits, shared exactly.</li>
</ol>
<h2 class="cl-h2">What this is not</h2>
<p>It is an estimate, by D-TRAK, on this one model: not a share of the picture, not likeness, not
money. Two works can look alike and not have shaped each other's pictures. An uploaded picture that
this model has not learnt gets that said before any name.</p>
"""

NOTES = """
<p class="cl-quiet">Works that join later are added to the kernel by an exact low-rank update, with
lambda as it was; once they are more than a tenth, it is fitted anew. A work that is taken out is
gone from every answer at once; the model forgets it when it is trained again.</p>
"""


def page(
    collection: Collection,
    methods: Sequence[Method],
    at_hand: Sequence[str],
    facts: Mapping[str, object],
    report: Mapping[str, Any] | None,
    rules: Sequence[ShareRule],
) -> str:
    """The whole page; `report` is the collection's, if it has one.

    `rules`: the one in force, then those by which the ledger's entries were booked.
    """
    rows = "".join(
        f"<tr><td>{e(row.title)}<br><code>{e(row.name)}</code></td><td>{e(row.formula)}</td>"
        f"<td>{e(row.cost)}</td><td>{e(row.needs)}</td>"
        f"<td>{'yes' if row.name in at_hand else 'no'}</td></tr>"
        for row in methods
    )
    cells = "".join(
        f"<div><dt>{e(name)}</dt><dd>{e(value)}</dd></div>" for name, value in facts.items()
    )
    return (
        f"{STORY.format(rule=e(rule_words(rules[0])), whole=WHOLE)}"
        f'<h2 class="cl-h2">{e(collection.title)}</h2><p>{e(collection.description)}</p>'
        f'<dl class="cl-figures">{cells}</dl>{NOTES}{_rules(rules)}{report_view.section(report)}'
        '<h2 class="cl-h2">Methods</h2><div class="cl-scroll"><table class="cl-table"><thead><tr>'
        "<th>Method</th><th>Score of work n for picture x</th><th>Cost</th><th>Needs</th>"
        "<th>Here</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
        f"<p>To bring your own pictures, see the README. "
        f'<a href="{e(with_query("/", {}))}">Back to the studio</a></p>'
    )


def _rules(rules: Sequence[ShareRule]) -> str:
    """The share rules, each once: in force, and those of the ledger's entries."""
    in_force = rules[0]
    items = "".join(
        f"<li><code>{e(rule.id)}</code>{' (in force)' if rule == in_force else ''}: "
        f"{e(rule_words(rule))}</li>"
        for rule in dict.fromkeys(rules)
    )
    return f'<h2 class="cl-h2">Share rules</h2><ul class="cl-story">{items}</ul>'
