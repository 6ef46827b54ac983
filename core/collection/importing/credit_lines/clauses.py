"""A name's cell as clauses: who, and in what role: "Galle, after Bruegel; published by Cock".

In: the text of one cell, or of one part of it. Out: clauses, each a standing and the words of the
names it governs. Knows no table, and not how many names a clause holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from core.collection.importing.credit_lines.bodies import NAMED_BODIES, body_words
from core.collection.importing.credit_lines.folding import flat
from core.collection.importing.credit_lines.given_names import GIVEN_NAMES
from core.collection.importing.credit_lines.line import Role
from core.collection.importing.credit_lines.nobody import is_nobody
from core.collection.importing.credit_lines.places import PEOPLES, is_people, is_place
from core.collection.importing.credit_lines.roles import (
    Phrase,
    Standing,
    is_role_word,
    phrases,
    stacked,
    standing_of,
)


@dataclass(frozen=True)
class Clause:
    """Names in one role. `also`: roles of parties beside them, as the workshop in "X and
    workshop". `others`: "and others" stood there."""

    names: str
    standing: Standing
    also: tuple[Role, ...] = ()
    others: bool = False


# Phrases that may follow a name without a comma: "Galle after Straet", "Galle published by Cock".
_INFIX = frozenset({Role.AFTER, Role.COPY, Role.PRINTER, Role.PUBLISHER, Role.FORMERLY})
_EDGE = re.compile(r"[\s,;:/|(\[\"]*$")
_LABEL = re.compile(r"\s*([^:,;]{3,40}?)\s*:\s+(?=\S)")
_BY = re.compile(r"^\s*[Bb]y (?:and [a-z]+ by )?(?=\S)")
_OTHERS = re.compile(
    r"[\s,;(\[]+(?:(?:and|&|und|et|e|y|en)\s+)?(?:others?|other artists?|many others|"
    r"andere(?:n)?|weitere(?:n)?|autres|altri|"
    r"otros|anderen|et al\.?|u\.\s?a\.|e\.a\.|et alii|more)[\s)\].]*$"
)
_CONNECTED = re.compile(
    r"[\s,;(\[]+(?:and|&|und|et|e|y|en|or|with|mit|then)?[\s,;(\[]*$", re.IGNORECASE
)


@lru_cache(maxsize=50_000)
def clauses_of(text: str) -> tuple[Clause, ...]:
    """The clauses of `text`, in their order; never empty."""
    text = _BY.sub("", text)
    label = _LABEL.match(text)
    if label and is_role_word(label[1]) and not re.search(r"https?$", label[1]):
        rest = clauses_of(text[label.end() :])
        first = replace(rest[0], standing=stacked([standing_of(label[1]), rest[0].standing]))
        return (first, *rest[1:])
    apart = _apart(text)
    if len(apart) > 1:
        return tuple(clause for part in apart for clause in clauses_of(part))
    if _FROM.match(text):
        return (_closed(_FROM.sub("", text), [Standing(Role.AFTER)]),)
    if _LATIN.search(flat(text)):
        return tuple(_signed(text))
    kept = [one for one in phrases(text) if _governs(text, one)]
    if not kept:
        return (_closed(text, []),)
    return tuple(_split(text, kept))


_YEAR = re.compile(r"\s*(?:c\.|ca\.|circa|um|about|vers)?\s*[0-9]")
_ROLE_BRACKET = re.compile(
    r"[(\[]([^()\[\]]+)[)\]]\s*(?:[,;&]|\band\b|\bund\b|\bet\b)\s*(?=[^\W\d_])"
)
_FROM = re.compile(
    r"^\(?da (?=(?:"
    + "|".join(("Raffaello", "Tiziano", "Michelangelo", "Leonardo", "Caravaggio", "Correggio"))
    + r"|(?:Guido|Annibale|Agostino|Giulio|Paolo|Giovanni|Andrea|Pietro|Peter) [A-Z])[^,]*$)"
)


def _apart(text: str) -> list[str]:
    """'William Sharp (engraver), Benjamin West (after)': each bracket closes its own name."""
    parts, start = [], 0
    for match in _ROLE_BRACKET.finditer(text):
        if text[start : match.start()].strip() and is_role_word(match[1]):
            parts.append(text[start : match.start(1) + len(match[1]) + 1])
            start = match.end()
    return [*parts, text[start:]]


_LATIN = re.compile(
    r"[\s,]\s*(pinxit|pinxt\.?|pinx\.|sculpt\.?|invenit|inv\.|delineavit|delin\.|del\.|sculpsit|sculps\.|sculp\.|sc\.|"
    r"fecit|incidit|excudit|"
    r"excud\.|exc\.)(?=[\s,;.]|$)"
)


def _signed(text: str) -> list[Clause]:
    """'Rubens pinxit, Vorsterman sculpsit': as plates are signed."""
    clauses, start = [], 0
    for match in _LATIN.finditer(flat(text)):
        clauses.append(_closed(_unconnected(text[start : match.start()]), [standing_of(match[1])]))
        start = match.end()
    if _has_letters(text[start:]):
        clauses += clauses_of(text[start:].lstrip(" ,.;"))
    return [one for one in clauses if one.names] or [Clause(text, Standing())]


def _governs(text: str, phrase: Phrase) -> bool:
    """Whether the phrase is one here, and not part of a name: "Circle of Friends", "Max Wohl"."""
    before, after = text[: phrase.start], text[phrase.end :]
    at_edge = bool(_EDGE.search(before)) and (
        not before.strip() or before.rstrip()[-1:] in ',;:/|(["' or _after_connector(before)
    )
    words = text[phrase.start : phrase.end]
    if _YEAR.match(after):
        return False  # "1655 - after 1709"
    if not at_edge:
        # "Rembrandt school of": at the end it qualifies what is before it
        one_word = " " not in text[phrase.start : phrase.end].strip()
        ends = not after.strip(" )]?.,") and not (one_word and text[phrase.start].isupper())
        if not (phrase.standing.role in _INFIX or ends or _follows_phrase(before)):
            multi = " " in words.strip()
            return multi and phrase.standing == Standing(attributed=True) and bool(after.strip())
    role = phrase.standing.role
    if role in (Role.WORKSHOP, Role.SCHOOL, Role.CIRCLE) and _is_body_of(words, after):
        return False
    return not (
        words.rstrip()[:1].isupper()
        and after.lstrip().startswith((",", "&"))
        and " " not in words.strip()
    )


def _after_connector(before: str) -> bool:
    return bool(re.search(r"\b(?:and|und|et|or|oder|ou|&|y|e|en)\s*$", before, re.IGNORECASE))


def _follows_phrase(before: str) -> bool:
    return any(not before[one.end :].strip(" ,:") for one in phrases(before))


def _is_body_of(words: str, after: str) -> bool:
    """'Atelier Van Lieshout', 'School of Visual Arts', 'Taller de Gráfica Popular'."""
    if NAMED_BODIES.match(flat(words + after)):
        return True
    first = re.match(r"\S+", words)
    return bool(first) and bool(re.search(r"\b(?:Van|De|Di)\s*$", words)) and words[:1].isupper()


def _split(text: str, kept: list[Phrase]) -> list[Clause]:
    clauses: list[Clause] = []
    waiting: list[Standing] = []  # phrases before the name that they govern
    name_start = 0
    for place, phrase in enumerate(kept):
        lead = text[name_start : phrase.start]
        if _has_letters(lead):
            clauses.append(_closed(_unconnected(lead), waiting))
            waiting = []
        following = kept[place + 1].start if place + 1 < len(kept) else len(text)
        between = text[phrase.end : following]
        if clauses and _CLOSED.match(between):
            # "Titian, workshop of, and Paris Bordone"
            last = clauses[-1]
            clauses[-1] = replace(last, standing=stacked([phrase.standing, last.standing]))
        elif _has_letters(between) or not clauses:
            waiting.append(phrase.standing)
        elif not _has_letters(text[phrase.end :]) or _goes_before(
            phrase, kept[place + 1 :], clauses[-1]
        ):
            # nothing follows, or another phrase does: it qualifies what is before it
            last = clauses[-1]
            clauses[-1] = replace(last, standing=stacked([phrase.standing, last.standing]))
        else:
            waiting.append(phrase.standing)
        name_start = phrase.end
    tail = text[name_start:]
    if _has_letters(tail):
        clauses.append(_closed(tail, waiting))
    elif waiting:
        clauses.append(Clause("", stacked(waiting)))
    return [one for one in clauses if one.names] or clauses[:1] or [Clause(text, Standing())]


_CLOSED = re.compile(r"\s*[,;)]\s*(?:and|und|et|e|y|en|&)\b")


def _goes_before(phrase: Phrase, later: list[Phrase], clause: Clause) -> bool:
    """'Galle, Philip, Attributed to after Bruegel': the first qualifies Galle, not Bruegel."""
    return (
        phrase.standing.attributed
        and bool(later)
        and later[0].standing.role in (Role.AFTER, Role.COPY, Role.PRINTER, Role.PUBLISHER)
        and not is_nobody(clause.names)
    )


def _has_letters(text: str) -> bool:
    plain = _CONNECTED.sub("", " " + text)
    return any(letter.isalnum() for letter in plain)


def _unconnected(text: str) -> str:
    return _CONNECTED.sub("", text)


# --- what closes a clause: brackets, marks and words at its end --------------------------------

_LAST_BRACKET = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]\s*\??\s*$")
_ANY_BRACKET = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_DOUBT = re.compile(r"\s*(?:[(\[]\s*\?+\s*[)\]]|\?+)(?=\s*(?:$|[,;(]))|^\?+\s*(?=\w)")
_LAST_PART = re.compile(r",\s*([^,]+)$")
_HELPERS = (
    r"workshop(?: assistants?)?|studio(?: assistants?)?|shop|assistants?|school|circle|"
    r"followers?|pupils?|werkstatt|gehilfen?|"
    r"mitarbeiter|schule|schuler|umkreis|"
    r"nachfolger|atelier|aides?|collaborateurs?|ecole|entourage|eleves?|bottega|aiuti|aiuto|"
    r"collaboratori|scuola|"
    r"cerchia|allievi|taller|ayudantes?|colaboradores|escuela|circulo|discipulos?|werkplaats|"
    r"assistenten?|"
    r"medewerkers|omgeving|leerlingen|oficina"
)
_HIS = (
    r"(?:(?:his|her|the|an?|seine?r?|ihre?r?|son|sa|ses|sua|suo|suoi|i suoi|su|sus|zijn|haar)\s+)?"
)
_AND_WORKSHOP = re.compile(
    rf"[\s,(\[]+(and/or|und/oder|and|&|und|et|e|i|y|en|with|mit|avec|con|met|"
    rf"or|oder|ou|o|of)\s+{_HIS}({_HELPERS})[\s)\].]*$"
)
_GENITIVE = re.compile(
    r"(werkstatt|umkreis|nachfolger|nachfolge|schuler|schule|kreis|umfeld|nachahmer|"
    r"kopie)\s+(?!(?:fur|und|von|des|der|nach)\b)(?=[a-z])"
)
_HYPHENED = re.compile(
    r"^(.+?)-(werkstatt|schule|schuler|nachfolger?|umkreis|kreis|nachahmer|kopist)$"
)
_TRAILING = re.compile(
    r"^(.+?)\s+(workshop|studio|school|circle|follower|pupil|werkstatt|schule|umkreis|"
    r"nachfolger|atelier|ecole|bottega|"
    r"scuola|taller|escuela|navolger|omgeving|kring)$"
)
_JOINT_OR = frozenset({"and/or", "und/oder", "or", "oder", "ou", "o", "of"})


def _closed(text: str, waiting: list[Standing]) -> Clause:
    """The names of a clause, and its standing with what stands behind them."""
    standings = list(waiting)
    also: list[Role] = []
    others = False
    text = text.strip()
    while True:
        before = text
        lowered = flat(text)
        match = _OTHERS.search(lowered)
        if match and match.start() > 0:
            text, others = text[: match.start()], True
            continue
        match = _AND_WORKSHOP.search(lowered)
        if match and match.start() > 0:
            role = standing_of(match[2]).role
            role = Role.WORKSHOP if role is Role.MAKER else role
            if match[1] in _JOINT_OR:
                standings.append(Standing(role))
            else:
                also.append(role)
            text = text[: match.start()]
            continue
        match = _LAST_BRACKET.search(text)
        if match and match.start() > 0 and _qualifies(match[1]):
            standings.append(standing_of(match[1]))
            text = text[: match.start()]
            continue
        match = _DOUBT.search(text)
        if match and any(map(str.isalnum, text[: match.start()] + text[match.end() :])):
            standings.append(Standing(attributed=True))
            text = text[: match.start()] + text[match.end() :]
            continue
        match = _LAST_PART.search(text)
        if match and _qualifies(match[1]) and not is_people(match[1]):
            standings.append(standing_of(match[1]))
            text = text[: match.start()]
            continue
        if text == before:
            break
    text, ending = _by_ending(text.strip())
    while ending:
        standings.append(Standing(ending))
        text, ending = _by_ending(text.strip())
    if re.match(r"(?:de|le|il|el) (?:meester|maitre|maestro)\b", flat(text)):
        text = text[3:]
    if re.match(
        r"the (?:master|monogrammist)\b|the [\w' -]+ (?:master|painter|brothers)$", flat(text)
    ):
        text = text[4:]
    return Clause(text.strip(), stacked(standings), tuple(dict.fromkeys(also)), others)


def _qualifies(content: str) -> bool:
    """Whether a bracket or last part is a role: '(Umkreis)', ', zugeschrieben', '(publisher)'."""
    if not content.strip():
        return True
    if content.strip(" ?") == "":
        return True
    return is_role_word(content) and not is_place(content)


def _by_ending(text: str) -> tuple[str, Role | None]:
    """'Werkstatt Cranachs', 'Rembrandt-Schule', 'Giorgione school': the master, and the role."""
    lowered = flat(text)
    match = _GENITIVE.match(lowered)
    if match and not body_words(text[match.end() :]):
        return _nominative(text[match.end() :]), standing_of(match[1]).role
    match = _HYPHENED.match(lowered)
    if match and not _is_common(match[1]):
        return text[: match.end(1)], standing_of(match[2]).role
    match = _TRAILING.match(lowered)
    if match and not _is_common(match[1]):
        word = text[match.start(2) :]
        german = match[2] in ("werkstatt", "schule", "umkreis", "nachfolger")
        # "Vermilion Workshop" is a name; "Giorgione workshop" says whose
        if german or word.islower():
            master = re.sub(r"['’]s$", "", text[: match.end(1)])
            return master.rstrip(" ,'’"), standing_of(match[2]).role
    return text, None


def _is_common(text: str) -> bool:
    """Whether what stands before "school" or "workshop" is a people, a place or a body."""
    words = re.findall(r"[^\W\d_]+", text)
    return (
        is_place(text)
        or not words
        or is_nobody(text + " school")
        or any(word in PEOPLES for word in words)
        or words[0]
        in (
            "the",
            "wiener",
            "berliner",
            "munchner",
            "dresdner",
            "kunst",
            "deutsche",
            "royal",
            "art",
        )
    )


_ENDS_IN_S = re.compile(
    r"(?:us|is|as|os|ss|ens|ys|es|z|x|hals|rubens|snyders|teniers|segers|seghers|maes|claesz|"
    r"vos|bles|bouts|brueghels?n|"
    r"jordaens|goes|metsys|massys|matsys|steen?wijcks|peeters|pieters|willems|jacobs|hendriks|"
    r"anders)$"
)


def _nominative(name: str) -> str:
    """'Lucas Cranachs d. Ä.' -> 'Lucas Cranach d. Ä.': German's genitive, where it is one."""
    match = re.match(r"^(.*?[^\W\d_]{2,})(s|’|')((?:\s+(?:d\.|der\b|I+\b).*)?)$", name)
    if not match:
        return name
    stem, ending, tail = match.groups()
    if ending in ("'", "’"):
        return stem + tail
    last = flat(stem + "s").split()[-1]
    if _ENDS_IN_S.search(last) or last in GIVEN_NAMES:
        return name
    return stem + tail
