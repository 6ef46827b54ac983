"""Credit as bars from zero: who, how much, from how many works; the rest stays visible.

In: micro-credits of a run or of the ledger. Out: bars as plain values in the words
of a language, widest first at full length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.web.formatting import counted, credits, day, number, percent, percentages
from app.web.language import ENGLISH, Language
from app.web.sentences import marked
from app.web.views.rules import TITLES, earned_by, rule_words
from core.ledger.evidence import decision
from core.ledger.records import PROPONENT, RunRecord, RunView, Totals
from core.ledger.rule_comparison import shares_under, under_every_rule
from core.ledger.shares import ROYALTY_POOL, WHOLE, ShareRule

UNATTRIBUTED = marked("Unattributed")
IN_ESCROW = marked("In escrow")
SETTLING = marked("unknown makers, disputes: paid to nobody until it is settled")
KEPT = marked("kept: nobody knows who made these works")
WHY = marked("what is too weak to tell from chance is given to nobody")
NAMED = 3  # artists per rule, side by side
# of runs that tell what is unattributed apart: name and reason
REST = {
    "base": (
        marked("The base model's"),
        marked("not owed to this collection: the model had it before, or never learnt it"),
    ),
    "weak": (
        marked("Too weak to tell"),
        marked("owed to the collection, but to no artist above chance"),
    ),
    "withheld": (
        marked("Kept back"),
        marked("of artists who opted out or left, or above a cap"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar; `fraction` of the longest. `artist_id` is None for what nobody got."""

    artist_id: str | None
    name: str
    share: str
    fraction: float
    note: str


def run_bars(
    record: RunRecord,
    names: Mapping[str, str],
    rule: ShareRule | None,
    unpaid: frozenset[str] = frozenset(),
    language: Language = ENGLISH,
) -> tuple[Bar, ...]:
    """The shares of one picture, the largest first.

    `rule` is the run's own, from which the works that earned a share are counted; `unpaid`: the ids
    under which nobody in particular stands.
    """
    ranked = sorted(record.artist_micro.items(), key=lambda item: (-item[1], item[0]))
    recorded = names_in(record)
    earned = earned_by(rule, record.side(PROPONENT), language)
    if rule is not None and rule.name == ROYALTY_POOL.name:
        earned = _apart_from_the_pool(record, rule, language)
    rows = [
        (
            artist,
            recorded.get(artist) or names.get(artist, artist),
            micro,
            language.say(KEPT) if artist in unpaid else earned(artist),
        )
        for artist, micro in ranked
    ]
    if record.remainder is None:
        rest = [(language.say(UNATTRIBUTED), record.unattributed_micro, language.say(WHY))]
        return _bars(rows, rest, language)
    rest = [
        (language.say(name), record.remainder.get(key, 0), language.say(why))
        for key, (name, why) in REST.items()
    ]
    return _bars(rows, [row for row in rest if row[1]], language)


def names_in(record: RunRecord) -> dict[str, str]:
    """Artist id -> name, as the run has them of the works it keeps."""
    return {
        who: name
        for row in record.influences
        for who, name, _ in row.makers or ((row.artist_id, row.artist, 1),)
    }


def _apart_from_the_pool(
    record: RunRecord, rule: ShareRule, language: Language
) -> Callable[[str], str]:
    """Artist id -> how much of their share was not attributed but shared equally."""
    shares = shares_under(record, rule)
    pool = {} if shares is None else shares.pool_micro
    return lambda artist: language.say(
        "%(share)s of it shared equally",
        share=percent(pool.get(artist, 0) / WHOLE, 2, language),
    )


def decided(record: RunRecord, names: Mapping[str, str], language: Language = ENGLISH) -> str:
    """Whether one artist decided the picture, in words; nothing where that is not known."""
    if record.evidence is None or not record.evidence.attributable:
        return ""
    outcome = decision(record.evidence)
    if outcome.artist_id is not None:
        name = names.get(outcome.artist_id, outcome.artist_id)
        return language.say(
            "%(artist)s's works shaped this picture more than all others together.", artist=name
        )
    if not outcome.significant:
        return language.say(
            "No single artist decided this picture: nobody's works stand out from chance."
        )
    return language.count(
        "No single artist decided this picture: %(number)s artist shaped it, none more than all "
        "others together.",
        "No single artist decided this picture: %(number)s artists shaped it, none more than all "
        "others together.",
        outcome.significant,
        number=outcome.significant,
    )


def standing_entry(
    view: RunView,
    names: Mapping[str, str],
    opted_out: frozenset[str] = frozenset(),
    language: Language = ENGLISH,
) -> str:
    """Which entry stands and why it is not what the run says, or that it was taken back; nothing
    where it stands and they agree.

    A picture is credited once: what changed since, whoever opted out or is known by another name,
    changes no entry, and one that was taken back is not booked again.
    """
    if view.entry is None:
        return ""
    record = view.record
    booked_on = day(view.entry_date[:10], language)
    taken_back = language.say(
        "This picture was credited on %(day)s, and that entry was taken back: nobody is credited "
        "for it, now or when it is made again.",
        day=booked_on,
    )
    if dict(view.entry_micro) == dict(record.artist_micro):
        return taken_back if view.reversed else ""
    names = names_in(record) | dict(names)
    others = sorted(set(view.entry_micro) | set(record.artist_micro))
    since = [names.get(who, who) for who in others if who in opted_out]
    moved = [
        names.get(who, who)
        for who in others
        if view.entry_micro.get(who, 0) != record.artist_micro.get(who, 0) and who not in opted_out
    ]
    reasons = [language.say("%(artist)s has opted out since", artist=name) for name in since]
    if view.entry_rule != record.rule:
        reasons.append(language.say("another rule was in force"))
    elif moved and not since:
        known = ", ".join(moved[:NAMED])
        reasons.append(
            language.say("the collection knows otherwise now of %(artists)s", artists=known)
        )
    given = ", ".join(
        f"{names.get(who, who)} {percent(micro / WHOLE, 1, language)}"
        for who, micro in sorted(view.entry_micro.items(), key=lambda item: (-item[1], item[0]))
    )
    stands = language.say(
        "This picture was credited on %(day)s, and that entry stands: %(shares)s.",
        day=booked_on,
        shares=given or language.say("nobody"),
    )
    first = taken_back if view.reversed else stands
    if not reasons:
        today = language.say("The bars show what it would be today.")
        return f"{first} {today}"
    today = language.say(
        "The bars show what it would be today: %(reasons)s.", reasons="; ".join(reasons)
    )
    return f"{first} {today}"


@dataclass(frozen=True, kw_only=True)
class RuleOutcome:
    """What one share rule makes of a run; `credited`: the largest shares (None: it cannot be said
    any more); `more` artists have smaller ones."""

    id: str
    title: str
    words: str
    own: bool
    credited: tuple[tuple[str, str], ...] | None
    more: int
    nobody: str


def side_by_side(
    record: RunRecord,
    names: Mapping[str, str],
    opted_out: frozenset[str] = frozenset(),
    language: Language = ENGLISH,
    *,
    own: ShareRule | None = None,
) -> tuple[RuleOutcome, ...]:
    """The run under every share rule, its `own` as it was in force: the largest shares by name, and
    what nobody gets."""
    outcomes = []
    for one in under_every_rule(record, opted_out, own):
        credited, more, nobody = None, 0, ""
        if one.shares is not None:
            ranked = sorted(one.shares.artist_micro.items(), key=lambda item: (-item[1], item[0]))
            credited = tuple(
                (names.get(artist, artist), percent(micro / WHOLE, 1, language))
                for artist, micro in ranked[:NAMED]
            )
            more = max(0, len(ranked) - NAMED)
            nobody = percent(one.shares.unattributed_micro / WHOLE, 1, language)
        outcomes.append(
            RuleOutcome(
                id=one.rule.id,
                title=language.say(TITLES[one.rule.name]),
                words=rule_words(one.rule, language),
                own=one.rule.id == record.rule,
                credited=credited,
                more=more,
                nobody=nobody,
            )
        )
    return tuple(outcomes)


def total_bars(totals: Totals, language: Language = ENGLISH) -> tuple[Bar, ...]:
    """The ledger's bars, in its order; none where nothing is credited."""
    rows = [
        (
            row.artist_id,
            row.name,
            row.micro,
            language.say("%(credits)s credits", credits=credits(row.micro, language))
            + f" · {counted(row.works, 'work', language)}",
        )
        for row in totals.artists
    ]
    rest = [(language.say(UNATTRIBUTED), totals.unattributed_micro, "")]
    if totals.unknown_micro:
        rest.insert(0, (language.say(IN_ESCROW), totals.unknown_micro, language.say(SETTLING)))
    if totals.more:
        more = language.count(
            "%(number)s more artist",
            "%(number)s more artists",
            totals.more,
            number=number(totals.more, language),
        )
        rest.insert(0, (more, totals.more_micro, language.say("together")))
    made = _bars(rows, rest, language)
    if totals.apportioned:
        return made
    micros = [*(micro for _, _, micro, _ in rows), *(micro for _, micro, _ in rest)]
    return tuple(
        replace(bar, share=credits(micro, language))
        for bar, micro in zip(made, micros, strict=False)
    )


def _bars(
    rows: Sequence[tuple[str, str, int, str]],
    rest: Sequence[tuple[str, int, str]],
    language: Language,
) -> tuple[Bar, ...]:
    """`rows`: artist id, name, micro-credits, note; `rest`: what nobody got, without the id."""
    everyone = [*rows, *((None, name, micro, why) for name, micro, why in rest)]
    micros = [max(0, micro) for _, _, micro, _ in everyone]
    if not any(micros):
        return ()
    longest = max(micros)
    return tuple(
        Bar(artist_id=artist, name=name, share=share, fraction=micro / longest, note=note)
        for (artist, name, _, note), micro, share in zip(
            everyone, micros, percentages(micros, language), strict=True
        )
    )
