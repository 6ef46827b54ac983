"""A share rule in words, with its own numbers; nothing here knows which rule is in force.

In: a rule as it was recorded. Out: text without markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from app.web.formatting import counted
from core.errors import UsageError
from core.ledger.records import RunInfluence
from core.ledger.shares import BY_WORKS, ShareRule, credited_places

NOT_KEPT = "works not kept with this run"


def rule_words(rule: ShareRule) -> str:
    """One or two sentences: what the rule credits, and what it gives to nobody."""
    try:
        return WORDS[rule.name](rule)
    except (KeyError, UsageError):
        return f"By the rule {rule.id}, whose words this version of the program does not know."


def _number(value: float) -> str:
    return f"{value:g}"


def _rest(rule: ShareRule) -> str:
    return (
        f"what lies above +{_number(rule['z_floor'])}σ credits their artists; the rest is given to "
        "nobody and stays visible as unattributed."
    )


def _top_k_positive(rule: ShareRule) -> str:
    return f"Of the {_number(rule['top_k'])} strongest works, {_rest(rule)}"


def _artist_first(rule: ShareRule) -> str:
    return (
        "The σ of all works are summed per artist and divided by the root of the number of "
        f"that artist's works. Of the {_number(rule['top_k'])} strongest artists, what lies above "
        f"+{_number(rule['z_floor'])}σ is credited; the rest is given to nobody and stays visible "
        "as unattributed."
    )


def _hybrid(rule: ShareRule) -> str:
    equal = _number(round(100 * rule["alpha"], 6))
    return (
        f"{equal} % is shared alike by all artists of the collection. Of the rest: of the "
        f"{_number(rule['top_k'])} strongest works, {_rest(rule)}"
    )


def _artist_influence(rule: ShareRule) -> str:
    false = _number(round(100 * rule["discovery_rate"], 6))
    cap = rule["cap"]
    most = "" if cap == 1 else f" Nobody gets more than {_number(round(100 * cap, 6))} %."
    return (
        "What is owed to the collection is divided among the artists by how strongly their works "
        "shaped the picture (squared scores, near-copies as one work). Whose influence chance "
        f"could explain gets nothing: of the names, at most {false} % are expected to be false."
        f"{most} What was not learnt from these works is nobody's."
    )


def _royalty_pool(rule: ShareRule) -> str:
    return (
        f"{_artist_influence(rule)} Then what is nobody's is shared equally among all artists that "
        "the model learnt from, as royalty societies do with what they cannot assign."
    )


TITLES = {
    "artist-influence": "By the artists' influence",
    "royalty-pool": "As royalty societies do",
    "top-k-positive": "By the strongest works",
    "artist-first": "By the artists' joined scores",
    "hybrid": "Partly shared by all",
}
WORDS: dict[str, Callable[[ShareRule], str]] = {
    "artist-influence": _artist_influence,
    "royalty-pool": _royalty_pool,
    "top-k-positive": _top_k_positive,
    "artist-first": _artist_first,
    "hybrid": _hybrid,
}


def earned_by(rule: ShareRule | None, proponents: Sequence[RunInfluence]) -> Callable[[str], str]:
    """Artist id -> from what their share was drawn, by the run's own rule."""
    if rule is None:
        return lambda artist: "by a rule that is not kept here"
    if rule.name not in BY_WORKS:
        return lambda artist: "their works together"
    places = credited_places([row.z for row in proponents], rule)
    works = Counter(who for place in places for who, _ in proponents[place].made_by)

    def earned(artist: str) -> str:
        if works[artist]:
            return counted(works[artist], "work")
        # runs of before kept the highest scores only, and credit follows z
        return "an equal part" if rule.name == "hybrid" else NOT_KEPT

    return earned
