"""Tables as seven kinds of museums export them, with the truth of every row known.

In: a seed. Out: rows per museum, each with the contributors that a registrar would read in it. The
phrases are those of real catalogues (CDWA's and Getty's qualifiers, Joconde's "Auteur",
SIKART's and RKD's terms, the Prado's and the Uffizi's cards, the Met's and MoMA's columns).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from core.collection.importing.credit_lines.line import CreditCells

# (first names, surname, born, died, nationality); the surname bears its particles
PEOPLE = [
    ("Artemisia", "Gentileschi", 1593, 1656, "Italian"),
    ("Jan", "Brueghel", 1568, 1625, "Flemish"),
    ("Jan", "Brueghel", 1601, 1678, "Flemish"),  # his son, of the same name
    ("Judith", "Leyster", 1609, 1660, "Dutch"),
    ("Jacob Isaacksz.", "van Ruisdael", 1628, 1682, "Dutch"),
    ("Rachel", "Ruysch", 1664, 1750, "Dutch"),
    ("Angelika", "Kauffmann", 1741, 1807, "Swiss"),
    ("Élisabeth Louise", "Vigée Le Brun", 1755, 1842, "French"),
    ("Caspar David", "Friedrich", 1774, 1840, "German"),
    ("Katsushika", "Ōi", 1800, 1866, "Japanese"),
    ("Berthe", "Morisot", 1841, 1895, "French"),
    ("Suzanne", "Valadon", 1865, 1938, "French"),
    ("Paula", "Modersohn-Becker", 1876, 1907, "German"),
    ("Vanessa", "Bell", 1879, 1961, "British"),
    ("Gabriele", "Münter", 1877, 1962, "German"),
    ("Theo", "van Doesburg", 1883, 1931, "Dutch"),
    ("Lyubov", "Popova", 1889, 1924, "Russian"),
    ("Sophie", "Taeuber-Arp", 1889, 1943, "Swiss"),
    ("El", "Lissitzky", 1890, 1941, "Russian"),
    ("László", "Moholy-Nagy", 1895, 1946, "Hungarian"),
    ("Frida", "Kahlo", 1907, 1954, "Mexican"),
    ("Xul", "Solar", 1887, 1963, "Argentine"),
    ("Tarsila", "do Amaral", 1886, 1973, "Brazilian"),
    ("Amrita", "Sher-Gil", 1913, 1941, "Indian"),
    ("Wifredo", "Lam", 1902, 1982, "Cuban"),
    ("Zao", "Wou-Ki", 1920, 2013, "Chinese"),
    ("Ibrahim", "El-Salahi", 1930, None, "Sudanese"),
    ("Etel", "Adnan", 1925, 2021, "Lebanese"),
    ("Njideka", "Akunyili Crosby", 1983, None, "Nigerian"),
    ("Toyen", "Čermínová", 1902, 1980, "Czech"),
    ("Magdalena", "Abakanowicz", 1930, 2017, "Polish"),
    ("Ljubov", "Orlova", 1902, 1975, "Russian"),
    ("Vilhelm", "Hammershøi", 1864, 1916, "Danish"),
    ("Akseli", "Gallen-Kallela", 1865, 1931, "Finnish"),
    ("Hilma", "af Klint", 1862, 1944, "Swedish"),
    ("Harriet", "Backer", 1845, 1932, "Norwegian"),
    ("Giovanni Battista", "Piranesi", 1720, 1778, "Italian"),
    ("Luca", "della Robbia", 1400, 1482, "Italian"),
    ("Sofonisba", "Anguissola", 1532, 1625, "Italian"),
    ("Lavinia", "Fontana", 1552, 1614, "Italian"),
    ("Diego", "Velázquez", 1599, 1660, "Spanish"),
    ("Juan de", "Pareja", 1606, 1670, "Spanish"),
    ("Luisa", "Roldán", 1652, 1706, "Spanish"),
    ("Josefa de", "Óbidos", 1630, 1684, "Portuguese"),
    ("Hendrick", "Goltzius", 1558, 1617, "Dutch"),
    ("Cornelis", "Cort", 1533, 1578, "Dutch"),
    ("Wenceslaus", "Hollar", 1607, 1677, "Bohemian"),
    ("Lucas", "Vorsterman", 1595, 1675, "Flemish"),
    ("Claude", "Mellan", 1598, 1688, "French"),
    ("Robert", "Nanteuil", 1623, 1678, "French"),
    ("Gérard", "Edelinck", 1640, 1707, "Flemish"),
    ("Maarten van", "Heemskerck", 1498, 1574, "Dutch"),
    ("Pieter", "Aertsen", 1508, 1575, "Dutch"),
    ("Clara", "Peeters", 1594, 1657, "Flemish"),
    ("Michaelina", "Wautier", 1604, 1689, "Flemish"),
    ("Frans", "Snyders", 1579, 1657, "Flemish"),
    ("Adriaen", "Brouwer", 1605, 1638, "Flemish"),
    ("Hans", "Baldung", 1484, 1545, "German"),
    ("Albrecht", "Altdorfer", 1480, 1538, "German"),
    ("Maria Sibylla", "Merian", 1647, 1717, "German"),
    ("Anton Raphael", "Mengs", 1728, 1779, "German"),
    ("Ferdinand", "Hodler", 1853, 1918, "Swiss"),
    ("Cuno", "Amiet", 1868, 1961, "Swiss"),
    ("Félix", "Vallotton", 1865, 1925, "Swiss"),
    ("Marianne", "von Werefkin", 1860, 1938, "Russian"),
    ("Simon", "Vouet", 1590, 1649, "French"),
    ("Nicolas de", "Largillierre", 1656, 1746, "French"),
    ("Rosa", "Bonheur", 1822, 1899, "French"),
    ("Camille", "Claudel", 1864, 1943, "French"),
    ("J. M. W.", "Turner", 1775, 1851, "British"),
    ("Mary", "Beale", 1633, 1699, "British"),
    ("Joseph Highmore", "Wright", 1734, 1797, "British"),
    ("Edmonia", "Lewis", 1844, 1907, "American"),
    ("Mary", "Cassatt", 1844, 1926, "American"),
    ("Romare", "Bearden", 1911, 1988, "American"),
    ("Ruth", "Asawa", 1926, 2013, "American"),
    ("Kerry James", "Marshall", 1955, None, "American"),
    ("Yayoi", "Kusama", 1929, None, "Japanese"),
    ("Shōmei", "Tōmatsu", 1930, 2012, "Japanese"),
    ("Lee", "Krasner", 1908, 1984, "American"),
    ("Ansel", "Adams", 1902, 1984, "American"),
    ("Julia Margaret", "Cameron", 1815, 1879, "British"),
    ("Gertrude", "Käsebier", 1852, 1934, "American"),
    ("Seydou", "Keïta", 1921, 2001, "Malian"),
]
BODIES = [
    "Herzog & de Meuron",
    "Guerrilla Girls, New York",
    "Wiener Werkstätte",
    "Art & Language",
    "Skidmore, Owings & Merrill",
    "Tiffany Studios, New York, NY",
    "Meissen Porcelain Manufactory",
    "Gorham Manufacturing Company",
    "Currier & Ives",
    "Braun, Clément & Cie.",
    "Venini & C.",
    "Superstudio Group",
    "Gebrüder Thonet, Vienna, Austria",
    "Raqs Media Collective",
]
ENGLISH = [
    ("Workshop of", "workshop of"),
    ("Studio of", "workshop of"),
    ("Circle of", "circle of"),
    ("Follower of", "follower of"),
    ("School of", "school of"),
    ("Pupil of", "pupil of"),
    ("Student of", "pupil of"),
    ("Manner of", "manner of"),
    ("Style of", "manner of"),
    ("Imitator of", "manner of"),
    ("After", "after"),
    ("Copy after", "copy after"),
    ("Formerly attributed to", "formerly attributed to"),
    ("Associate of", "circle of"),
    ("Entourage of", "circle of"),
    ("Assistant to", "workshop of"),
    ("Copyist of", "copy after"),
]
GERMAN = [
    ("Werkstatt", "workshop of"),
    ("Umkreis", "circle of"),
    ("Nachfolger", "follower of"),
    ("Schule", "school of"),
    ("Nachahmer", "manner of"),
    ("Kopie nach", "copy after"),
    ("nach", "after"),
    ("Schüler von", "pupil of"),
    ("Art des", "manner of"),
    ("in der Art von", "manner of"),
    ("ehemals zugeschrieben", "formerly attributed to"),
]
FRENCH = [
    ("d'après", "after"),
    ("atelier", "workshop of"),
    ("atelier de", "workshop of"),
    ("école de", "school of"),
    ("entourage de", "circle of"),
    ("suiveur de", "follower of"),
    ("genre de", "manner of"),
    ("copie d'après", "copy after"),
    ("élève de", "pupil of"),
    ("imitateur de", "manner of"),
    ("ancienne attribution", "formerly attributed to"),
]
DUTCH = [
    ("atelier van", "workshop of"),
    ("omgeving van", "circle of"),
    ("kring van", "circle of"),
    ("navolger van", "follower of"),
    ("school van", "school of"),
    ("leerling van", "pupil of"),
    ("manier van", "manner of"),
    ("naar", "after"),
    ("kopie naar", "copy after"),
    ("voorheen toegeschreven aan", "formerly attributed to"),
]
ITALIAN = [
    ("bottega di", "workshop of"),
    ("ambito di", "circle of"),
    ("cerchia di", "circle of"),
    ("seguace di", "follower of"),
    ("scuola di", "school of"),
    ("allievo di", "pupil of"),
    ("maniera di", "manner of"),
    ("copia da", "copy after"),
    ("tratto da", "after"),
    ("già attribuito a", "formerly attributed to"),
]
SPANISH = [
    ("Taller de", "workshop of"),
    ("Círculo de", "circle of"),
    ("Seguidor de", "follower of"),
    ("Escuela de", "school of"),
    ("Discípulo de", "pupil of"),
    ("Estilo de", "manner of"),
    ("Imitador de", "manner of"),
    ("Copia de", "copy after"),
    ("Según", "after"),
    ("Antes atribuido a", "formerly attributed to"),
]
DOUBTS = {
    "en": [
        "Attributed to {}",
        "Possibly {}",
        "Probably by {}",
        "{} (?)",
        "{}, attributed to",
        "Ascribed to {}",
        "Perhaps {}",
    ],
    "de": ["{} (zugeschrieben)", "{}, zugeschrieben", "{} (?)", "wohl {}", "vermutlich {}"],
    "fr": ["{} (attribué à)", "{} (?)", "attribué à {}", "peut-être {}"],
    "nl": ["toegeschreven aan {}", "mogelijk {}", "{} (toegeschreven aan)", "waarschijnlijk {}"],
    "it": ["attribuito a {}", "{} (attribuito)", "{} (attr.)", "forse {}"],
    "es": ["Atribuido a {}", "{} (atribuido)", "Posiblemente {}", "{} (?)"],
}
UNKNOWN = {
    "en": [
        "Unknown",
        "Unidentified artist",
        "Anonymous",
        "Unknown, American, 19th century",
        "Italian (Sienese) 14th Century",
        "Dutch School, 17th century",
        "unknown French",
        "Artist unknown",
        "Unknown Photographer",
        "British School, 18th century",
        "",
        "n/a",
        "Maker unknown",
        "Unrecorded artist",
        "Indian, Mughal period",
        "Egyptian, 18th Dynasty",
        "Various artists",
        "Chinese, Ming dynasty",
        "Anonymous, Netherlandish, 16th century",
    ],
    "de": [
        "Unbekannt",
        "Unbekannter Künstler",
        "Anonym",
        "Schweizer Schule, 18. Jahrhundert",
        "Oberrheinischer Meister, um 1480",
        "ohne Angabe",
        "Künstler unbekannt",
        "unbekannter Maler",
        "Deutscher Meister des 16. Jahrhunderts",
        "N. N.",
    ],
    "fr": [
        "ANONYME",
        "anonyme",
        "ANONYME (peintre)",
        "École française",
        "inconnu",
        "auteur inconnu",
        "école hollandaise, 17e siècle",
        "Anonyme italien",
        "sans auteur",
    ],
    "nl": [
        "anoniem",
        "onbekend",
        "Anoniem (Noordelijke Nederlanden)",
        "anonieme meester",
        "onbekende kunstenaar",
        "Hollandse school",
    ],
    "it": [
        "Anonimo",
        "Ignoto",
        "Anonimo toscano sec. XV",
        "Scuola fiorentina sec. XVI",
        "Autore ignoto",
        "Ignoto fiammingo",
        "Pittore veneto del sec. XVI",
        "non identificato",
        "Ambito fiorentino",
    ],
    "es": [
        "Anónimo",
        "Anónimo español",
        "Autor desconocido",
        "Escuela madrileña",
        "Anónimo flamenco",
        "Taller desconocido",
        "Escuela española, siglo XVII",
        "sin autor",
    ],
}
NOTNAMES = [
    "Master of the Brunswick Diptych",
    "Meister von Meßkirch",
    "Maître de Flémalle",
    "Maestro dell'Osservanza",
    "Meester van de Virgo inter Virgines",
    "Maestro de Pedralbes",
    "Monogrammist IB",
    "Master I.A.M. of Zwolle",
    "Pseudo Jacopino",
]


@dataclass(frozen=True)
class TrueCredit:
    """What a registrar reads: (name, role, doubtful) per contributor; nobody is ("", "maker")."""

    parties: tuple[tuple[str, str, bool], ...]


NOBODY = TrueCredit((("", "maker", False),))
Row = tuple[CreditCells, TrueCredit]


def natural(person: tuple) -> str:  # type: ignore[type-arg]
    return f"{person[0]} {person[1]}"


def indexed(person: tuple) -> str:  # type: ignore[type-arg]
    """As an index writes it: 'Velázquez, Diego', 'Doesburg, Theo van', 'Pareja, Juan de'."""
    first, surname = person[0], person[1]
    words = surname.split()
    if words[0] in ("van", "von", "do", "de", "af"):
        return f"{' '.join(words[1:])}, {first} {words[0]}"
    return f"{surname}, {first}"


def _different(rng: random.Random, count: int) -> list:  # type: ignore[type-arg]
    """So many people, no two of one name."""
    while True:
        chosen = rng.sample(PEOPLE, count)
        if len(set(map(natural, chosen))) == count:
            return chosen


def ulan(person: tuple) -> str:  # type: ignore[type-arg]
    """The person's number in the union list: always the same."""
    return str(500_010_000 + PEOPLE.index(person))


def local(person: tuple) -> str:  # type: ignore[type-arg]
    """The person's number in a museum's own table."""
    return str(1 + PEOPLE.index(person))


def life(rng: random.Random, person: tuple) -> str:  # type: ignore[type-arg]
    """A life in one of the ways in which catalogues write them."""
    _, _, born, died, nation = person
    if died is None:
        return rng.choice(
            [f"born {born}", f"b. {born}", f"{nation}, born {born}", f"{born}–", f"geb. {born}"]
        )
    return rng.choice(
        [
            f"{born}–{died}",
            f"{born} - {died}",
            f"{nation}, {born}-{died}",
            f"ca. {born}–{died}",
            f"{nation}, {born}–{died}",
            f"c. {born} - after {died}",
        ]
    )


def one(person: tuple, role: str = "maker", doubt: bool = False) -> TrueCredit:  # type: ignore[type-arg]
    return TrueCredit(((natural(person), role, doubt),))


def museum_tables(seed: int, rows: int = 2_000) -> dict[str, list[Row]]:
    """`rows` rows in all, per museum."""
    museums: dict[str, Callable[[random.Random], Row]] = {
        "new-york-piped": _piped,
        "new-york-modern": _modern,
        "london-index": _index,
        "paris": _paris,
        "zurich": _zurich,
        "the-hague": _hague,
        "florence-madrid": _south,
    }
    share = rows // len(museums)
    tables = {}
    for place, (museum, make) in enumerate(museums.items()):
        rng = random.Random(f"{seed} {museum}")
        wanted = share + (rows - share * len(museums) if place == 0 else 0)
        tables[museum] = [make(rng) for _ in range(wanted)]
    return tables


def persons() -> frozenset[str]:
    """Everybody whom a row may name."""
    return frozenset([*map(natural, PEOPLE), *BODIES, *NOTNAMES, "Venini & C"])


def _piped(rng: random.Random) -> Row:
    """Columns beside each other, with bars: prefix, role, name, life, suffix, numbers."""
    kind = rng.random()
    if kind < 0.4:
        person = rng.choice(PEOPLE)
        return CreditCells(
            name=natural(person),
            sort_name=indexed(person),
            role="Artist",
            bio=life(rng, person),
            identifiers=(("ulan", ulan(person)),),
        ), one(person)
    if kind < 0.55:
        person = rng.choice(PEOPLE)
        word, role = rng.choice(ENGLISH)
        return CreditCells(name=natural(person), role="Artist", prefix=word), one(person, role)
    if kind < 0.65:
        person = rng.choice(PEOPLE)
        word, doubt = rng.choice([("Attributed to", True), ("Possibly by", True)])
        return CreditCells(name=natural(person), role="Artist", prefix=word), one(
            person, doubt=doubt
        )
    if kind < 0.85:
        maker, other = _different(rng, 2)
        roles, prefixes, second = rng.choice(
            [
                ("Artist|Artist", "|After", "source"),
                ("Engraver|Designer", "|", "source"),
                ("Etcher|Artist", "|After", "source"),
                ("Artist|Publisher", "|Published by", "published by"),
                ("Lithographer|Printer", "|", "printed by"),
                ("Artist|Artist", "|", "maker"),
            ]
        )
        return CreditCells(
            name=f"{natural(maker)}|{natural(other)}",
            role=roles,
            prefix=prefixes,
            suffix="|",
            identifiers=(("ulan", f"{ulan(maker)}|"),),
        ), TrueCredit(((natural(maker), "maker", False), (natural(other), second, False)))
    if kind < 0.93:
        return CreditCells(name=rng.choice(UNKNOWN["en"]), role="Artist"), NOBODY
    if kind < 0.97:
        name = rng.choice(NOTNAMES)
        return CreditCells(name=name, role="Artist"), TrueCredit(((name, "maker", False),))
    person = rng.choice(PEOPLE)
    return CreditCells(
        name=f"Anonymous|{natural(person)}", role="Artist|Artist", prefix="|After"
    ), one(person, "after")


def _modern(rng: random.Random) -> Row:
    """Names in natural order, several of them with commas, and one number per maker."""
    kind = rng.random()
    if kind < 0.55:
        person = rng.choice(PEOPLE)
        return CreditCells(
            name=natural(person),
            bio=f"({life(rng, person)})",
            identifiers=(("local", local(person)),),
        ), one(person)
    if kind < 0.75:
        several = _different(rng, rng.choice([2, 2, 3]))
        numbers = ", ".join(map(local, several))
        joint = rng.choice([", ", ", ", "; "])
        identifiers = (("local", numbers),) if rng.random() < 0.8 else ()
        return CreditCells(
            name=joint.join(map(natural, several)),
            identifiers=identifiers,
            bio=" ".join(f"({life(rng, person)})" for person in several),
        ), TrueCredit(tuple((natural(person), "maker", False) for person in several))
    if kind < 0.8:
        several = _different(rng, 2)
        return CreditCells(name=" and ".join(map(natural, several))), TrueCredit(
            tuple((natural(person), "maker", False) for person in several)
        )
    if kind < 0.92:
        body = rng.choice(BODIES)
        return CreditCells(
            name=body, identifiers=(("local", str(5_000 + BODIES.index(body))),)
        ), TrueCredit(((body, "maker", False),))
    return CreditCells(name=rng.choice(UNKNOWN["en"])), NOBODY


def _index(rng: random.Random) -> Row:
    """'Surname, First' and a column of roles."""
    kind = rng.random()
    person = rng.choice(PEOPLE)
    if kind < 0.6:
        return CreditCells(
            name=indexed(person), role="artist", bio=f"{person[2]}–{person[3] or ''}"
        ), one(person)
    if kind < 0.75:
        word, role = rng.choice(ENGLISH)
        return CreditCells(name=indexed(person), role=word.lower()), one(person, role)
    if kind < 0.85:
        return CreditCells(name=f"{indexed(person)} ({life(rng, person)})"), one(person)
    if kind < 0.9:
        return CreditCells(name=f"{indexed(person)}, Attributed to"), one(person, doubt=True)
    if kind < 0.94:
        word, role = rng.choice(ENGLISH)
        return CreditCells(name=f"{indexed(person)}, {word}"), one(person, role)
    return CreditCells(name=rng.choice(UNKNOWN["en"]), role="artist"), NOBODY


def _paris(rng: random.Random) -> Row:
    """'NOM Prénom (rôle)', several with semicolons."""
    kind = rng.random()
    people = [one for one in PEOPLE if one[1].split()[0] not in ("van", "von", "do", "af", "della")]
    person, other = rng.sample(people, 2)

    def written(one: tuple) -> str:  # type: ignore[type-arg]
        return f"{one[1].upper()} {one[0]}"

    if kind < 0.5:
        role = rng.choice(["", " (peintre)", " (dessinateur)", " (sculpteur)"])
        return CreditCells(name=f"{written(person)}{role}"), one(person)
    if kind < 0.65:
        word, role = rng.choice(FRENCH)
        return CreditCells(name=f"{written(person)} ({word})"), one(person, role)
    if kind < 0.72:
        word, role = rng.choice(FRENCH)
        if word in ("atelier", "ancienne attribution"):
            word = "atelier de"
            role = "workshop of"
        return CreditCells(name=f"{word} {natural(person)}"), one(person, role)
    if kind < 0.8:
        phrase = rng.choice(DOUBTS["fr"])
        return CreditCells(name=phrase.format(natural(person))), one(person, doubt=True)
    if kind < 0.92:
        name = f"{written(person)} (graveur) ; {written(other)} (d'après)"
        return CreditCells(name=name), TrueCredit(
            ((natural(person), "maker", False), (natural(other), "source", False))
        )
    return CreditCells(name=rng.choice(UNKNOWN["fr"])), NOBODY


def _zurich(rng: random.Random) -> Row:
    """'Nachname, Vorname' with terms behind; 'und' between names."""
    kind = rng.random()
    person, other = _different(rng, 2)
    if kind < 0.45:
        return CreditCells(name=indexed(person)), one(person)
    if kind < 0.55:
        return CreditCells(name=f"{natural(person)} (geb. {person[2]})"), one(person)
    if kind < 0.7:
        word, role = rng.choice(GERMAN)
        if word in ("Werkstatt", "Umkreis", "Nachfolger", "Schule", "Nachahmer"):
            name = rng.choice(
                [
                    f"{indexed(person)}, {word}",
                    f"{natural(person)} ({word})",
                    f"{word} von {natural(person)}",
                ]
            )
        elif word == "ehemals zugeschrieben":
            name = f"{indexed(person)} ({word})"
        else:
            name = f"{word} {natural(person)}"
        return CreditCells(name=name), one(person, role)
    if kind < 0.78:
        return CreditCells(name=rng.choice(DOUBTS["de"]).format(natural(person))), one(
            person, doubt=True
        )
    if kind < 0.84:
        return CreditCells(name=f"{natural(person)} und {natural(other)}"), TrueCredit(
            ((natural(person), "maker", False), (natural(other), "maker", False))
        )
    if kind < 0.88:
        return CreditCells(name=f"{natural(person)} und Werkstatt"), TrueCredit(
            ((natural(person), "maker", False), (natural(person), "workshop of", False))
        )
    if kind < 0.92:
        return CreditCells(name=f"{natural(person)} nach {natural(other)}"), TrueCredit(
            ((natural(person), "maker", False), (natural(other), "source", False))
        )
    return CreditCells(name=rng.choice(UNKNOWN["de"])), NOBODY


def _hague(rng: random.Random) -> Row:
    """'prentmaker: X, naar schilderij van: Y'; terms before the name."""
    kind = rng.random()
    person, other = _different(rng, 2)
    if kind < 0.4:
        return CreditCells(name=natural(person), bio=life(rng, person)), one(person)
    if kind < 0.55:
        word, role = rng.choice(DUTCH)
        return CreditCells(name=f"{word} {natural(person)}"), one(person, role)
    if kind < 0.65:
        return CreditCells(name=rng.choice(DOUBTS["nl"]).format(natural(person))), one(
            person, doubt=True
        )
    if kind < 0.85:
        name = rng.choice(
            [
                f"prentmaker: {natural(person)}; naar schilderij van: {natural(other)}",
                f"{natural(person)}, naar {natural(other)}",
                f"{natural(person)}; naar tekening van {natural(other)}",
            ]
        )
        return CreditCells(name=name), TrueCredit(
            ((natural(person), "maker", False), (natural(other), "source", False))
        )
    if kind < 0.9:
        return CreditCells(name=f"{natural(person)}; uitgever: {natural(other)}"), TrueCredit(
            ((natural(person), "maker", False), (natural(other), "published by", False))
        )
    return CreditCells(name=rng.choice(UNKNOWN["nl"])), NOBODY


def _south(rng: random.Random) -> Row:
    """Cards in Italian and Spanish."""
    kind = rng.random()
    person, other = _different(rng, 2)
    language, words = rng.choice([("it", ITALIAN), ("es", SPANISH)])
    if kind < 0.4:
        return CreditCells(name=f"{natural(person)} ({person[2]}-{person[3] or ''})"), one(person)
    if kind < 0.6:
        word, role = rng.choice(words)
        return CreditCells(name=f"{word} {natural(person)}"), one(person, role)
    if kind < 0.72:
        return CreditCells(name=rng.choice(DOUBTS[language]).format(natural(person))), one(
            person, doubt=True
        )
    if kind < 0.8:
        beside = "e bottega" if language == "it" else "(y taller)"
        return CreditCells(name=f"{natural(person)} {beside}"), TrueCredit(
            ((natural(person), "maker", False), (natural(person), "workshop of", False))
        )
    if kind < 0.88:
        return CreditCells(name=f"{natural(person)}; {natural(other)}"), TrueCredit(
            ((natural(person), "maker", False), (natural(other), "maker", False))
        )
    return CreditCells(name=rng.choice(UNKNOWN[language])), NOBODY
