"""A share rule in words, with its own numbers; nothing here knows which rule is in force.

In: a rule as it was recorded, and a language. Out: text without markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from app.web.formatting import counted, plain
from app.web.language import ENGLISH, Language
from app.web.sentences import marked
from core.errors import UsageError
from core.ledger.records import RunInfluence
from core.ledger.shares import BY_WORKS, ShareRule, credited_places

EQUAL = marked("an equal part")
NOT_KEPT = marked("works not kept with this run")


def rule_words(rule: ShareRule, language: Language = ENGLISH) -> str:
    """One or two sentences: what the rule credits, and what it gives to nobody."""
    try:
        return WORDS[rule.name](rule, language)
    except (KeyError, UsageError):
        return language.say(
            "By the rule %(rule)s, whose words this version of the program does not know.",
            rule=rule.id,
        )


def _number(value: float, language: Language) -> str:
    return plain(f"{value:g}", language)


def _top_k_positive(rule: ShareRule, language: Language) -> str:
    return language.say(
        "Of the %(count)s strongest works, what lies above +%(floor)sσ credits their artists; the "
        "rest is given to nobody and stays visible as unattributed.",
        count=_number(rule["top_k"], language),
        floor=_number(rule["z_floor"], language),
    )


def _artist_first(rule: ShareRule, language: Language) -> str:
    return language.say(
        "The σ of all works are summed per artist and divided by the root of the number of "
        "that artist's works. Of the %(count)s strongest artists, what lies above +%(floor)sσ is "
        "credited; the rest is given to nobody and stays visible as unattributed.",
        count=_number(rule["top_k"], language),
        floor=_number(rule["z_floor"], language),
    )


def _hybrid(rule: ShareRule, language: Language) -> str:
    return language.say(
        "%(equal)s %% is shared alike by all artists of the collection. Of the rest: of the "
        "%(count)s strongest works, what lies above +%(floor)sσ credits their artists; the "
        "rest is given to nobody and stays visible as unattributed.",
        equal=_number(round(100 * rule["alpha"], 6), language),
        count=_number(rule["top_k"], language),
        floor=_number(rule["z_floor"], language),
    )


def _artist_influence(rule: ShareRule, language: Language) -> str:
    sentences = [
        language.say(
            "What is owed to the collection is divided among the artists by how strongly their "
            "works shaped the picture (squared scores, near-copies as one work). Whose influence "
            "chance could explain gets nothing: of the names, at most %(false)s %% are expected to "
            "be false.",
            false=_number(round(100 * rule["discovery_rate"], 6), language),
        )
    ]
    if rule["cap"] != 1:
        most = _number(round(100 * rule["cap"], 6), language)
        sentences.append(language.say("Nobody gets more than %(most)s %%.", most=most))
    sentences.append(language.say("What was not learnt from these works is nobody's."))
    return " ".join(sentences)


def _royalty_pool(rule: ShareRule, language: Language) -> str:
    pool = language.say(
        "Then what is nobody's is shared equally among all artists that the model learnt from, as "
        "royalty societies do with what they cannot assign."
    )
    return f"{_artist_influence(rule, language)} {pool}"


TITLES = {
    "artist-influence": marked("By the artists' influence"),
    "royalty-pool": marked("As royalty societies do"),
    "top-k-positive": marked("By the strongest works"),
    "artist-first": marked("By the artists' joined scores"),
    "hybrid": marked("Partly shared by all"),
}
WORDS: dict[str, Callable[[ShareRule, Language], str]] = {
    "artist-influence": _artist_influence,
    "royalty-pool": _royalty_pool,
    "top-k-positive": _top_k_positive,
    "artist-first": _artist_first,
    "hybrid": _hybrid,
}


def earned_by(
    rule: ShareRule | None, proponents: Sequence[RunInfluence], language: Language = ENGLISH
) -> Callable[[str], str]:
    """Artist id -> from what their share was drawn, by the run's own rule."""
    if rule is None:
        return lambda artist: language.say("by a rule that is not kept here")
    if rule.name not in BY_WORKS:
        return lambda artist: language.say("their works together")
    places = credited_places([row.z for row in proponents], rule)
    works = Counter(who for place in places for who, _ in proponents[place].made_by)

    def earned(artist: str) -> str:
        if works[artist]:
            return counted(works[artist], "work", language)
        # runs of before kept the highest scores only, and credit follows z
        missing = EQUAL if rule.name == "hybrid" else NOT_KEPT
        return language.say(missing)

    return earned
