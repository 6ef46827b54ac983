"""One name or several: "Kokoschka, Oskar" is one, "Hans Haacke, Joseph Beuys" are two.

In: the names of one clause, how many identifiers stand beside them, and the table's evidence. Out:
the names, clean and in natural order; or the readings that a person has to choose from. Knows no
role.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from core.collection.importing.credit_lines.bodies import TAILS, body_words, is_acronym, is_tail
from core.collection.importing.credit_lines.evidence import TableEvidence
from core.collection.importing.credit_lines.folding import compared, entries, flat
from core.collection.importing.credit_lines.line import Kind
from core.collection.importing.credit_lines.names import (
    NO_BIO,
    Bio,
    inverted,
    is_generation,
    is_honour,
    is_peerage,
    is_title,
    read_bio,
    tidy,
    titles_apart,
    without_generation,
    without_life,
    without_titles,
)
from core.collection.importing.credit_lines.nobody import NOTNAME, is_nobody
from core.collection.importing.credit_lines.places import is_place
from core.collection.importing.fields import PARTICLES


@dataclass(frozen=True)
class Named:
    """One maker's name; `written` as the cell had it."""

    name: str
    written: str
    kind: Kind = Kind.PERSON
    bio: Bio = NO_BIO


@dataclass(frozen=True)
class Names:
    """The names of a clause; or none, and the readings that are possible."""

    names: tuple[Named, ...]
    readings: tuple[tuple[str, ...], ...] = ()


# Masters who are called by one word, or by two of which none is a given name.
_MONONYMS = entries(
    """
    rembrandt|titian|tizian|tiziano|raphael|raffael|raffaello|michelangelo|leonardo|
    caravaggio|donatello|giorgione|tintoretto|veronese|correggio|parmigianino|bronzino|
    botticelli|masaccio|giotto|cimabue|duccio|canaletto|guercino|domenichino|perugino|
    pinturicchio|pontormo|sassetta|pisanello|mantegna|le corbusier|el greco|man ray|
    brassai|balthus|christo|jeanne-claude|erte|nadar|cassandre|herge|arman|erro|marisol|
    hiroshige|hokusai|utamaro|kunisada|kuniyoshi|toyokuni|harunobu|sharaku|banksy|orlan|ulay|
    wols|tal r|рембрандт|рафаэль|тициан|микеланджело
    """
)
# Surnames that say enough where two stand together: "Rubens and Brueghel".
_FAMOUS = entries(
    """
    rubens|durer|cranach|holbein|brueghel|bruegel|vermeer|picasso|matisse|van gogh|
    van dyck|velazquez|goya|murillo|manet|monet|renoir|cezanne|gauguin|degas|turner|
    constable|klimt|schiele|mantegna
    """
)
_OR = re.compile(r"\s(?:or|oder|ou|of|o|and/or)\s")
# "Gilbert & George (Gilbert Prousch and George Passmore)": who they are does not make them more
_GROUP = re.compile(r"\s*\([^()]*\s(?:and|&|und|et)\s[^()]*\)$")
_ALIAS = re.compile(
    r"(?:dite?|called|known as|also known as|genannt|gen\.|detto|detta|llamad[oa]|genaamd|alias|"
    r"a\.k\.a\.|aka|n[ée]e)\s"
)
_SERIAL = ", and"  # the joint before the last of "A, B, and C"
_STRONG = r"and|&|und|et|with|mit|avec|\+"
_WEAK = r"e|y|en|i|con|met|и"
_OUTER = re.compile(rf"^(?:(?:{_STRONG})\s+)+|(?:\s+(?:{_STRONG}))+$", re.IGNORECASE)
_CONNECTOR = re.compile(
    rf"\s+({_STRONG}|(?-i:{_WEAK}))\s+|\s*(&|\+)\s*|(?<=\w)(/)(?=[^\W\d])", re.IGNORECASE
)


@lru_cache(maxsize=50_000)
def names_in(text: str, count: int | None, evidence: TableEvidence) -> Names:
    """The names that `text` holds. `count`: how many identifiers stand beside it, if any do."""
    reading = _Reader(evidence, count).read(text)
    return replace(reading, names=tuple(map(_checked, reading.names)))


def _checked(one: Named) -> Named:
    """A name that names nobody after all is nobody's."""
    if one.kind is not Kind.NOBODY and (is_nobody(one.name) or not compared(one.name)):
        return replace(one, name="", kind=Kind.NOBODY)
    return one


@dataclass(frozen=True)
class _Item:
    """A name, or half of one, and what joins it to the one before: "," or a connector."""

    text: str
    joint: str
    bio: Bio = NO_BIO
    titles: str = ""


class _Reader:
    def __init__(self, evidence: TableEvidence, count: int | None) -> None:
        self.evidence, self.count = evidence, count

    def read(self, text: str) -> Names:
        if is_nobody(text):
            bio = read_bio(re.sub(r"^[^,(]*[,(]?", "", text)) or NO_BIO
            return Names((Named("", text, Kind.NOBODY, bio),))
        name, bio = without_life(text)
        name = tidy(_GROUP.sub("", name)) if _GROUP.search(name) and len(name) > 8 else tidy(name)
        if not compared(name) or is_nobody(name):
            return Names((Named("", text, Kind.NOBODY, bio),))
        either = self._either(name)
        if either:
            return either
        items, stray = self._items(name)
        bio = bio.or_else(stray)
        if bio.body:
            return Names((self._body(name, bio, text),))
        if body_words(_outside_brackets(name)):
            names = self._with_bodies(name, items)
        elif len(items) == 1:
            turned = self.evidence.turned(items[0].text)
            names = Names((self._person(turned, items[0].bio, text, items[0].titles),))
        else:
            names = self._several(name, items)
        if len(names.names) == 1:
            only = names.names[0]
            return replace(names, names=(replace(only, written=text, bio=only.bio.or_else(bio)),))
        return names

    def _either(self, name: str) -> Names | None:
        """'Jan Steen or Frans Hals': one of them, and a person has to say which."""
        match = _OR.search(name)
        if not match:
            return None
        left, right = name[: match.start()].strip(" ,"), name[match.end() :].strip()
        if not (self._is_full(left) or self._is_whole(left)) or not self._is_whole(right):
            return None
        return Names((), ((left,), (right,), (left, right)))

    # --- the parts ------------------------------------------------------------------------------

    def _items(self, name: str) -> tuple[list[_Item], Bio]:
        """The parts between commas and connectors; dates, titles and honours joined to theirs."""
        parts: list[_Item] = []
        stray = NO_BIO
        for place, piece in enumerate(_commas(name)):
            known = read_bio(piece) if place else None
            if known is not None and not (
                known == Bio(nationality=piece) and self._is_half(parts, piece)
            ):
                if parts and known != NO_BIO:
                    parts[-1] = replace(parts[-1], bio=parts[-1].bio.or_else(known))
                stray = stray.or_else(known) if len(parts) == 1 else stray
            elif parts and is_generation(piece):
                parts[-1] = replace(parts[-1], text=f"{parts[-1].text} {piece}")
            elif parts and (is_honour(piece) or _ALIAS.match(piece) or piece[0] in '"“„«'):
                continue
            elif parts and is_title(piece):
                parts[-1] = replace(parts[-1], titles=piece)
            elif parts and (is_peerage(piece) or self._is_lady(parts[-1].text, piece)):
                parts[-1] = replace(parts[-1], titles=f"…, {piece}")
            elif parts and re.match(r"(?:of|von|zu) [A-ZÀ-Ý]", piece):
                parts[-1] = replace(parts[-1], titles=f"…{piece}")
            else:
                bare = _OUTER.sub("", piece) or piece
                joint = "" if not place else "," if bare == piece else _SERIAL
                parts += self._connected(bare, joint)
        return parts or [_Item(name, "")], stray

    def _is_lady(self, name: str, piece: str) -> bool:
        """'Elizabeth Augusta, Lady Northwick'; not 'Rennell, Lady Mary'."""
        return (
            bool(re.match(r"(?:Lord|Lady)\s", piece))
            and self.evidence.starts_given(name)
            and " " in name
        )

    def _is_half(self, parts: Sequence[_Item], piece: str) -> bool:
        """'Snyders, Frans': a people's name that is the given name of the surname before it."""
        return (
            len(parts) == 1
            and " " not in parts[0].text
            and flat(piece) in ("frans", "romano", "roman", "romana")
        )

    def _connected(self, piece: str, joint: str) -> list[_Item]:
        """The names that connectors join, where the connector is one: not in "Goya y Lucientes"."""
        items: list[_Item] = []
        start = 0
        for match in _CONNECTOR.finditer(piece):
            left, right = piece[start : match.start()].strip(), piece[match.end() :].strip()
            connector = (match[1] or match[2] or match[3]).lower()
            if not left or not right or not self._joins(left, connector, right):
                continue
            items.append(_Item(left, joint))
            start, joint = match.end(), connector
        items.append(_Item(piece[start:].strip(), joint))
        return items

    def _joins(self, left: str, connector: str, right: str) -> bool:
        if NOTNAME.search(flat(left)) and connector in ("with", "mit", "avec", "con", "met"):
            return False  # "Master I.B. with the Bird"
        if is_title(left) or is_title(left.split()[-1]) or left.count("(") != left.count(")"):
            return False
        if not re.fullmatch(_WEAK, connector):
            return True
        right = re.split(rf",|\s(?:{_STRONG})\s", right)[0].strip()
        both = len(right.split()) > 1 and self.evidence.starts_given(right)
        full = len(left.split()) > 1 or self.evidence.starts_given(left) or self._stands(left)
        pair = self.count == 2 and (self._stands(left) or self.evidence.starts_given(left)) and both
        return (both and full) or pair or (self._stands(left) and self._stands(right))

    # --- one name -------------------------------------------------------------------------------

    def _person(self, name: str, bio: Bio, written: str, titles: str = "") -> Named:
        name = re.sub(r"^[Tt]he (?=.+ Master$)", "", tidy(name))
        if titles.startswith("…,"):
            name = f"{name}{titles[1:]}"
        elif titles.startswith("…"):
            name = f"{name} {titles[1:]}"
        elif titles:
            name = f"{titles} {name}"
        group = re.search(r"\s*\(([^()]*,[^()]*,[^()]*)\)$", name)
        kind = (
            Kind.BODY if body_words(name) or is_acronym(name) or bio.body or group else Kind.PERSON
        )
        if group and name[: group.start()].strip():
            name = name[: group.start()]
        if is_nobody(name):
            return Named("", written, Kind.NOBODY, bio)
        if is_place(name) and not self.evidence.is_given(name):
            kind = Kind.BODY  # "Meissen", "Sèvres": what was made there by more than one
        return Named(name, written, kind, bio)

    def _whole(self, item: _Item) -> Named:
        return self._person(self.evidence.turned(item.text), item.bio, item.text, item.titles)

    def _inverted(self, surname: _Item, first: _Item) -> Named:
        written = f"{surname.text}, {first.text}"
        bio = first.bio.or_else(surname.bio)
        words = first.text.split()
        while len(words) > 1 and is_honour(words[0]) and words[0].isupper():
            words = words[1:]
        apart, behind = titles_apart(" ".join(words))
        words, titles = apart.split(), first.titles or surname.titles or behind
        if re.search(r"\b(?:of|de|de la|du|von|di)$", titles):  # "Crawford, James, 26th Earl of"
            return self._person(f"{' '.join(words)}{titles[1:]} {surname.text}", bio, written)
        return self._person(inverted(surname.text, " ".join(words)), bio, written, titles)

    def _body(self, name: str, bio: Bio = NO_BIO, written: str = "") -> Named:
        return Named(name, written or name, Kind.BODY, bio)

    def _stands(self, name: str) -> bool:
        plain = compared(name)
        return plain in self.evidence.alone or plain in _MONONYMS or plain in _FAMOUS

    def _is_full(self, name: str) -> bool:
        """Whether the words are a whole name: a given one and another, or one known by itself."""
        words = without_titles(name.split())
        if self._stands(name):
            return True
        if len(words) < 2 or words[0].casefold() in PARTICLES:
            return False
        return self.evidence.is_given(words[0]) and not self.evidence.all_given(name)

    def _is_whole(self, name: str) -> bool:
        """As `_is_full`, where all words may be given names too ("Charles Martin")."""
        words = without_titles(name.split())
        return self._is_full(name) or (
            len(words) > 1
            and self.evidence.is_given(words[0])
            and words[-1].casefold() not in PARTICLES
            and not re.fullmatch(r"(?:[^\W\d_]\.)+", words[-1])
        )

    # --- bodies --------------------------------------------------------------------------------

    def _with_bodies(self, name: str, items: list[_Item]) -> Names:
        """A body alone, with its place; or a body beside persons."""
        whole = self._body(name)
        if self.count == 1:
            return Names((whole,))
        groups: list[list[_Item]] = []
        for item in items:
            if groups and (is_tail(item.text) or is_place(item.text)):
                groups[-1].append(item)
            else:
                groups.append([item])
        if len(groups) == 1:
            return Names((whole,))
        texts = [_joined(group) for group in groups]
        bodies = [body_words(text) for text in texts]
        persons = [
            self._is_whole(group[0].text) and not body
            for group, body in zip(groups, bodies, strict=True)
        ]
        if all(
            body or person for body, person in zip(bodies, persons, strict=True)
        ) and self._are_apart(groups, bodies):
            return Names(
                tuple(
                    self._body(text) if body else self._whole(group[0])
                    for text, body, group in zip(texts, bodies, groups, strict=True)
                )
            )
        if self.count is not None and self.count == len(groups):
            return Names(
                tuple(
                    self._body(text) if body else self._whole(group[0])
                    for text, body, group in zip(texts, bodies, groups, strict=True)
                )
            )
        return Names((whole,))

    def _are_apart(self, groups: list[list[_Item]], bodies: list[bool]) -> bool:
        """Not "Poli and Cuteri Architects": the last of one firm's names bears its words."""
        if self.count is not None and self.count != len(groups):
            return False
        for group, body in zip(groups[1:], bodies[1:], strict=True):
            head = group[0]
            words = [word for word in flat(head.text).split() if word not in TAILS]
            by_tail_alone = body and any(word in TAILS for word in flat(_joined(group)).split())
            if head.joint != "," and by_tail_alone and not body_words(" ".join(["x", *words])):
                return False
        return True

    # --- several --------------------------------------------------------------------------------

    def _several(self, name: str, items: list[_Item]) -> Names:
        if (
            len(items) == 2
            and items[1].joint == ","
            and is_place(items[1].text)
            and not self._is_pair_of_halves(items)
        ):
            return self._placed(name, items[0])
        while len(items) > 2 and items[-1].joint == "," and is_place(items[-1].text):
            items = items[:-1]
        if self.count is not None and self.count == len(items) > 1:
            return Names(tuple(self._whole(item) for item in items))
        commas = all(item.joint == "," for item in items[1:])
        if len(items) == 2 and commas:
            return self._pair(name, *items)
        if len(items) == 2:
            return self._joined_pair(name, *items)
        return self._run(name, items)

    def _is_pair_of_halves(self, items: list[_Item]) -> bool:
        """'Smith, Florence': a city that is a given name, after a surname."""
        single = len(items[0].text.split()) == 1
        return single and (self.evidence.all_given(items[1].text) or self.evidence.mostly_inverts)

    def _placed(self, name: str, item: _Item) -> Names:
        """A name and a city: of a person the city goes, of a body it is part of the name."""
        if self._is_whole(item.text):
            return Names((self._whole(item),))
        return Names((self._body(name, item.bio),))

    def _pair(self, name: str, one: _Item, other: _Item) -> Names:
        """Two parts with a comma between them."""
        known, a, b = self.evidence, one.text, other.text
        turned = self._inverted(one, other)
        two = (self._whole(one), self._whole(other))
        if self.count == 1 and not (self._is_full(a) and self._is_full(b)):
            return Names((turned,))
        if other.titles or known.stands(turned.name) or one.text.endswith((" Jr.", " II")):
            return Names((turned,))
        if known.stands(a) and known.stands(b):
            return Names(two)
        answer = self._by_shape(a, b)
        if answer == "one":
            return Names((turned,))
        if answer == "two":
            return Names(two)
        return Names((), ((turned.name,), (two[0].name, two[1].name)))

    def _by_shape(self, a: str, b: str) -> str:
        """ "one", "two", or "" where the words of both halves do not tell."""
        known = self.evidence
        a, b = without_generation(a), without_generation(titles_apart(b)[0])
        first, last = without_titles(a.split()), without_titles(b.split())
        if re.search(r"[\d:;?]", a + b):
            return ""
        a_mononym, b_mononym = compared(a) in _MONONYMS, compared(b) in _MONONYMS
        b_given, b_all = known.starts_given(b), known.all_given(b)
        ends_in_particle = last[-1].casefold() in PARTICLES or last[-1].endswith(("'", "’"))
        if a_mononym and (b_mononym or (b_given and not b_all and len(last) > 1)):
            return "two"
        if ends_in_particle or (len(last) == 1 and last[0].casefold() in PARTICLES):
            return "one"
        particle = first[0].casefold() in PARTICLES or first[0][-1:] in "'’"
        if len(first) == 1 or particle or is_generation(first[-1]):
            return self._after_surname(a, b, a_mononym)
        if known.is_given(first[0]) and len(first) > 1:
            if known.all_given(a) and len(last) == 1:
                return "one" if known.inverts else ""
            if len(last) > 1 and b_given:
                return "two" if not (b_all and known.inverts) else ""
            if len(last) > 1 and not known.inverts:
                return "two" if known.is_natural else ""
            return "one" if known.inverts or (b_all and not known.is_natural) else ""
        # two words, the first of which is no given name we know
        if b_given and not b_all and len(last) > 1:
            return "one" if known.inverts else "two"
        if b_all:
            return "one" if len(last) == 1 or known.mostly_inverts else ""
        if known.inverts:
            return "one"
        return "two" if len(last) > 1 and known.is_natural else ""

    def _after_surname(self, a: str, b: str, a_mononym: bool) -> str:
        """What `b` is, after a single word or a surname with particles."""
        known = self.evidence
        particle = len(a.split()) > 1
        b_given, b_all = known.starts_given(b), known.all_given(b)
        a_given = known.is_given(a.split()[0]) and not particle
        if a_mononym and not b_given:
            return ""
        if b_all:
            if a_given and len(b.split()) == 1 and not known.mostly_inverts:
                return ""  # "Krista, Jeanne-Marie": either may be the given name
            return "one"
        if b_given:
            # "Constable, Lionel Bicknell" is one; "Marepe, Jeremy Deller" in a natural table, two
            if known.stands(b) or (known.is_natural and known.stands(a)):
                return "two"
            return "" if known.is_natural else "one"
        if particle and len(b.split()) == 1:
            return "one"
        # neither half is a name we know: only a clear habit may make them one person
        return "one" if known.inverted >= 3 and known.inverted >= 2 * known.natural else ""

    def _joined_pair(self, name: str, one: _Item, other: _Item) -> Names:
        """Two parts with "and", "&" or a slash between them."""
        known, a, b = self.evidence, one.text, other.text
        if one.joint == "" and self.count == 1:
            return Names((self._body(name),))
        a_full, b_full = self._is_full(a), self._is_full(b)
        if a_full and b_full:
            return Names((self._whole(one), self._whole(other)))
        if self._is_unsure(a, b):
            shared = self._shared(one, other).names
            apart = (self._whole(one).name, self._whole(other).name)
            return Names((), (tuple(each.name for each in shared), apart))
        if (
            self._lacks_surname(a)
            and self._is_whole(b)
            and compared(a) not in _MONONYMS
            and not known.stands(a)
        ):
            return self._shared(one, other)
        if self.count == 2:
            return Names((self._whole(one), self._whole(other)))
        if len(a.split()) > 1 and len(b.split()) > 1:
            if self._is_whole(a) or self._is_whole(b) or _are_capital(a, b):
                return Names((self._whole(one), self._whole(other)))
            return Names((self._body(name),))
        if self._stands(a) and self._stands(b):
            return Names((self._whole(one), self._whole(other)))
        if len(a.split()) == 1 or len(b.split()) == 1:
            if self._is_whole(a) and (self._stands(b) or len(b.split()) > 1):
                return Names((self._whole(one), self._whole(other)))
            mixed = self._is_full(a) or self._is_full(b)
            if mixed:
                return Names((), ((name,), (self._whole(one).name, self._whole(other).name)))
        return Names((self._body(name),))

    def _is_unsure(self, name: str, other: str) -> bool:
        """'Johann Georg und Anna Wille', 'John Martin and Charles Turner': all given names."""
        several = len(without_titles(name.split())) > 1 and not self._lacks_surname(name)
        return (
            several
            and self.count is None
            and self.evidence.all_given(name)
            and self._is_full(other)
            and not self._stands(name)
            and not self._stands(other)
        )

    def _lacks_surname(self, name: str) -> bool:
        """'Bernd', 'Patricia L.'; not 'Edmonia Lewis', though both may be given names."""
        words = without_titles(name.split())
        initials = all(re.fullmatch(r"[^\W\d_]\.?", word) for word in words[1:])
        return bool(words) and self.evidence.is_given(words[0]) and initials

    def _shared(self, one: _Item, other: _Item) -> Names:
        """'Bernd and Hilla Becher': the surname is both's."""
        if is_title(one.text.split()[0]):
            return Names((self._body(f"{one.text} and {other.text}"),))
        initials = all(
            re.fullmatch(r"(?:[^\W\d_]\.?-?)+", word) and len(word) <= 3
            for word in one.text.split()
        )
        if initials:
            return Names((self._body(f"{one.text} & {other.text}"),))
        words = other.text.split()
        given = 1
        while given < len(words) - 1 and self.evidence.is_given(words[given]):
            given += 1
        surname = " ".join(words[given:])
        titles = [word for word in words[:given] if is_title(word)]
        if titles:
            return Names((self._body(f"{one.text} and {other.text}"),))
        first = self._person(f"{one.text} {surname}", one.bio, one.text)
        return Names((first, self._whole(other)))

    def _run(self, name: str, items: list[_Item]) -> Names:
        """Three parts and more: read from left to right, as long as each step is sure."""
        if any(item.titles and not item.titles.startswith("…") for item in items):
            return Names((self._body(name),))
        names: list[Named] = []
        place = 0
        while place < len(items):
            taken = self._step(items, place)
            if not taken:
                return self._unread(name, items)
            names += taken[0]
            place += taken[1]
        if self.count is not None and self.count not in (1, len(names)):
            return self._unread(name, items)
        return Names(tuple(names))

    def _step(self, items: list[_Item], place: int) -> tuple[list[Named], int] | None:
        """The names that begin at `place`, and how many parts they take."""
        item = items[place]
        following = items[place + 1] if place + 1 < len(items) else None
        after = items[place + 2] if place + 2 < len(items) else None
        words = item.text.split()
        if following and following.joint == "," and not self._is_full(item.text):
            half = self._by_shape(item.text, following.text) == "one" or (
                (len(words) == 1 or words[0].casefold() in PARTICLES)
                and self.evidence.all_given(following.text)
            )
            if (
                half
                and after
                and after.joint not in (",", "")
                and self.evidence.all_given(after.text)
            ):
                # "Shattuck, Frederick and Elizabeth"
                return [self._inverted(item, following), self._inverted(item, after)], 3
            if half:
                return [self._inverted(item, following)], 2
        if (
            following
            and following.joint not in (",", "")
            and self._lacks_surname(item.text)
            and self._is_whole(following.text)
            and not self._stands(item.text)
        ):
            return list(self._shared(item, following).names), 2
        if self._is_whole(item.text):
            return [self._whole(item)], 1
        beside = any(self._is_full(one.text) for one in items)
        if beside and len(words) > 1 and words[0].casefold() not in PARTICLES:
            return ([self._whole(item)], 1) if words[0][:1].isupper() else None
        return None

    def _unread(self, name: str, items: list[_Item]) -> Names:
        """'Skidmore, Owings & Merrill' is one firm; of the rest, a person has to say."""
        single = all(len(item.text.split()) <= 2 and not self._is_full(item.text) for item in items)
        given = [self.evidence.all_given(item.text) for item in items]
        # "Smith, John & Brown" may be John Smith with a Brown
        turned = len(items) == 3 and given[1] and items[2].joint != _SERIAL
        joined = items[-1].joint in ("&", "and", "und", "et", _SERIAL)
        if joined and single and sum(given) <= 1 and not turned:
            return Names((self._body(name),))
        return Names((), ((name,), tuple(self._whole(item).name for item in items)))


def _joined(group: list[_Item]) -> str:
    text = group[0].text
    for item in group[1:]:
        text += (
            f"{item.joint} {item.text}"
            if item.joint.startswith(",")
            else f" {item.joint} {item.text}"
        )
    return text


def _outside_brackets(name: str) -> str:
    return re.sub(r"\([^()]*\)", " ", name)


def _commas(text: str) -> list[str]:
    """The pieces between commas that stand in no brackets."""
    pieces, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth = max(0, depth - 1)
        elif letter == "," and not depth:
            pieces.append(text[start:place])
            start = place + 1
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip()]


def _are_capital(*names: str) -> bool:
    """Whether every word begins large, but for particles: a name's words, not a sentence's."""
    return all(
        word[:1].isupper() or word.casefold() in PARTICLES
        for name in names
        for word in name.split()
    )
