"""Whether a text says that nobody is known: in words, by a mark, or by a school alone.

In: a name as a cell has it. Out: yes or no. A master who is known by works or a monogram alone
("Master of the Female Half-Lengths", "Monogrammist AB") is somebody.
"""

from __future__ import annotations

import re
from functools import lru_cache

from core.collection.importing.credit_lines.folding import compared, entries, flat, words
from core.collection.importing.credit_lines.given_names import GIVEN_NAMES
from core.collection.importing.credit_lines.places import (
    COUNTRIES,
    PLACES,
    SURE_PEOPLES,
    people_word,
)

_PLACEHOLDERS = entries(
    """
    none|null|nil|nan|n a|na|n d|nd|tbd|tba|tbc|todo|xxx|xx|x|n n|nn|s n|sn|
    s l s n|s a|o a|k a|ka|b l|empty|blank|missing|test|lorem ipsum|not known|
    not available|not applicable|not stated|not specified|not recorded|not given|
    not identified|no artist|no name|no author|no maker|no data|no info|no information|
    no attribution|no creator|name unknown|name not known|without attribution|unattributed|
    unassigned|uncatalogued|to be determined|to be confirmed|to be announced|
    to be identified|see notes|see description|
    collective|see record|see title|pending|other|others|other artist|
    other artists|several|several artists|several makers|multiple|multiple artists|
    multiple makers|multiple authors|various|various artists|various authors|various makers|
    varia|diverse|diverse kunstler|verschiedene|verschiedene kunstler|mehrere|
    mehrere kunstler|div|divers|divers artistes|plusieurs artistes|collectif d artistes|
    auteurs divers|artistes divers|vari|autori vari|aa vv|aavv|artisti vari|varios|
    varios artistas|varios autores|autores varios|vv aa|vvaa|diversen|diverse kunstenaars|
    verschillende kunstenaars|verschiedene urheber|group exhibition|group show|ohne angabe|
    ohne angaben|ohne autor|ohne namen|ohne zuschreibung|keine angabe|keine angaben|
    kein kunstler|nicht bekannt|nicht angegeben|nicht ermittelt|nicht zugeschrieben|namenlos|
    urheber unbekannt|entwerfer unbekannt|hersteller unbekannt|sans auteur|sans nom|
    sans attribution|non identifie|non attribue|non renseigne|non precise|non communique|
    auteur non identifie|artiste non identifie|pas d auteur|aucun|senza autore|senza nome|
    senza attribuzione|non identificato|non attribuito|non specificato|non noto|
    non disponibile|autore non identificato|nessuno|sin autor|sin nombre|sin atribuir|
    sin identificar|sin datos|no identificado|no consta|autor no identificado|ninguno|
    sin especificar|geen|geen naam|zonder naam|niet bekend|niet geidentificeerd|
    niet vermeld|nvt|n v t|sem autor|sem nome|nao identificado|autor nao identificado|brak|
    brak danych|brak autora|nieokreslony|bez autora|bez nazwy|нет|нет данных|без автора|
    без имени|не указан|не указано|автор не указан|не установлен|автор не установлен|
    не известен|автор не известен|б а|неизв|разные|разные художники|не известно|нет имени|
    коллектив авторов|不詳|不详|作者不詳|作者不详|作者不明|不明|未詳|未详|作者未詳|
    佚名|无名氏|無名氏|无名|
    無名|
    読人知らず|詠み人知らず|無款|未知|未知艺术家|未知藝術家|未知作者|无|無|匿名|なし|
    制作者不明|画家不詳|
    作家不明|作者不知|nature|
    the antique|antique|antike|l antique|a photograph|photograph|an original|original|
    unknown original|lost original|a lost original|antiquity|life
    """
)
# One such word makes a text nobody's, where all others are of the kinds below.
_UNKNOWN = words(
    """
    unknown unknowns unkown unknow unknwon anonymous anonymus anonym anon anon. anonymously
    unidentified uncertain undetermined unnamed unattributed unrecorded unbekannt unbekannte
    unbekannter unbekanntes unbek unbek. anonyme anonymer anonymes unbezeichnet inconnu inconnue
    inconnus indetermine ignoto ignota ignoti sconosciuto sconosciuta anonimo anonima anonimi
    desconocido desconocida desconocidos anonimos onbekend onbekende anoniem anonieme desconhecido
    desconhecida autordesconhecido nieznany nieznana nieznani anonimowy niezn okand okant ukjent
    ukendt tuntematon ismeretlen neznamy neznama necunoscut неизвестный неизвестная неизвестно
    неизвестен неизвестного неизвестные аноним анонимный анонимно анонимныи неизвестныи
    неизвестнои
    """
)
# Who does not say who: "artist", "Maler", "graveur"; and what stands with it.
_ANYBODY = words(
    """
    artist artists artiste artistes artista artisti artistas author authors auteur auteurs autor
    autore autori autores creator maker makers painter painters sculptor engraver engravers etcher
    printmaker photographer photographers draftsman draughtsman designer architect craftsman
    craftsmen miniaturist illuminator lithographer potter weaver goldsmith silversmith
    cabinetmaker calligrapher illustrator printer publisher manufacturer foundry workshop
    workshops studio person persons people hand hands name kunstler kunstlerin maler malerin
    bildhauer stecher kupferstecher zeichner fotograf fotografin photograph urheber hersteller
    entwerfer grafiker verfasser werkstatt handwerker schnitzer buchmaler verlag drucker
    goldschmied peintre peintres sculpteur graveur graveurs dessinateur dessinateurs photographe
    createur fabricant atelier ateliers main enlumineur orfevre imprimeur editeur pittore pittori
    scultore incisore disegnatore fotografo bottega miniatore manifattura pintor escultor grabador
    dibujante taller artifice kunstenaar schilder beeldhouwer tekenaar prentmaker vervaardiger
    ontwerper fotograaf uitgever drukker gravador oficina artysta malarz rzezbiarz grafik художник
    художники автор мастер скульптор гравер фотограф живописец иконописец чертежник masters
    """
)
_SCHOOL = words(
    """
    school schools schule schulen ecole ecoles scuola scuole escuela escuelas escola skola szkola
    школа culture tradition style master meister maitre maestro meester mestre people tribe nation
    kultur ambito cerchia circle umkreis
    """
)
_FILLING = words(
    """
    the a an of or and to by from in at der die das des ein eine einer eines von vom aus um und
    oder le la les l un une de du d et ou il lo i gli uno una del della dei di e o el los las y en
    het een van ca c circa about around vers verso hacia omstreeks probably possibly perhaps
    active worked early late mid middle first second third fourth last quarter half end beginning
    begin turn fruhes spates mitte halfte viertel drittel anfang ende debut fin milieu moitie
    quart inizio fine meta century centuries cent cent. c. jahrhundert jahrhunderts jh jh. jhd
    jhdt siecle s s. secolo sec sec. siglo eeuw seculo wiek wieku век века в в. bc b.c. bce b.c.e.
    ad a.d. ce c.e. v.chr n.chr dynasty period empire kingdom era republic qing ming song tang han
    yuan zhou shang joseon choson goryeo edo meiji heian kamakura muromachi momoyama taisho showa
    safavid qajar mamluk colonial ptolemaic hellenistic new old northern southern north south
    upper lower western eastern west east central nord sud nordliche sudliche nord- nord-italian
    settentrionale meridionale american folk imperial provincial local court
    """
)
NOTNAME = re.compile(
    r"\b(?:master|meister|maitre|maestro|meester|mestre|mistr)\s+"
    r"(?:of|des|der|von|vom|de|du|di|del|della|dei|van|with|mit|[a-z]{1,3}$|[a-z]\.)|"
    r"\bmonogramm?is[a-z]*\b|\bpseudo\b|\bmaster [a-z]{1,3}\b"
)
# "Asante artist", "escuela cuzqueña": a kind of maker, in small letters.
_PEOPLE_S = re.compile(
    r"^[^\W\d_a-z][\w-]+ (?:artist|people|culture|maker|painter|photographer|carver)s?$|"
    r"^(?:[Ee]scuela|[Ss]cuola|[ÉEé]cole|[Mm]aestro|[Pp]intor|[Pp]ittore) "
    r"(?!d[ei]l?\b)[a-zà-ÿ]{3,}$"
)
# "The Berlin Painter", as those who study vases name one hand; not "Netherlandish Painter".
_NAMED_PAINTER = re.compile(
    rf"(?:The |the )?(?!(?:{'|'.join(sorted(SURE_PEOPLES))})\b)(?-i:[A-Z][a-z]+) Painter",
    re.IGNORECASE,
)
_OF_A_TIME = re.compile(
    r"\b(?:master|meister|maitre|maestro|meester)\s+(?:of the|des|du|del|dell'|van de|uit de)\s*"
    r"(?:[0-9]|[ivx]+e?\s|secolo|sec\.|siglo|early|late|fruhen|spaten)"
)
_TOKEN = re.compile(r"[^\W_](?:[^\s,;:/|()\[\]?!]*[^\W_.]|)\.?|&")
_NUMBER = re.compile(
    r"[0-9].*|[ivx]+(?:e|eme|°|º|\.)?|[ivx]+[-/][ivx]+|(?:1[0-9]|20|[1-9])(?:st|nd|rd|th|e|de|"
    r"ste|eme)"
)
_CENTURY = re.compile(
    r"\b(?:[0-9]{1,2}(?:st|nd|rd|th)(?:\s*(?:/|-|or|to|and)\s*(?:early\s+|"
    r"late\s+)?[0-9]{1,2}(?:st|nd|rd|th))?"
    r"\s+(?:century|cent\b|c\b)|[0-9]{1,2}\.\s*(?:jahrhundert|jh)|[ivx]+e?\s+siecle|"
    r"(?:secolo|sec\.|siglo|s\.)\s+[ivx]+\b|[0-9]{1,2}(?:e|de|ste)\s+eeuw|dynasty)"
)


@lru_cache(maxsize=50_000)
def is_nobody(text: str) -> bool:
    """Whether the text names nobody: empty, a placeholder, "unknown", or a school or people alone.

    >>> is_nobody("Unknown, Dutch, 17th century"), is_nobody("Master of the Female Half-Lengths")
    (True, False)
    """
    lowered = flat(text)
    plain = compared(text)
    if not any(letter.isalpha() for letter in plain) or plain in _PLACEHOLDERS:
        return True
    if NOTNAME.search(lowered) and not _OF_A_TIME.search(lowered):
        return False
    words = _TOKEN.findall(lowered)
    kinds = [_kind(word) for word in words]
    if "unknown" in kinds:
        return _says_unknown(words, kinds)
    if plain in COUNTRIES or _PEOPLE_S.search(text):
        return True
    if _NAMED_PAINTER.fullmatch(text):
        return False
    if len(words) == 1:
        return words[0] in SURE_PEOPLES or kinds[0] == "anybody"
    return _is_school(lowered, words, kinds)


def _says_unknown(words: list[str], kinds: list[str]) -> bool:
    """'unknown French', 'Unbekannter Meister um 1500': no word is left that names somebody."""
    rest = [word for word, kind in zip(words, kinds, strict=True) if kind == "other"]
    if not rest:
        return True
    # "unknown Italian, Naples" and "Anonymous (Valence workshop)": a place that we do not list;
    # "Anonymous Smith" would be a person's pseudonym, and is rarer than a village
    return kinds[0] == "unknown" or not any(word in GIVEN_NAMES for word in rest)


def _is_school(lowered: str, words: list[str], kinds: list[str]) -> bool:
    """'Dutch School', 'Italian (Venetian) 15th Century', 'Süddeutscher Meister, um 1500'."""
    century = _CENTURY.search(lowered)
    if "other" not in kinds:
        if set(kinds) <= {"filling", "number"}:
            return False  # "Edo", "May", "South": too little to say anything
        if "people" in kinds:
            # "Frans Romano" are two names; "French School", "Dutch, 17th century" are none
            sure = any(word in SURE_PEOPLES for word in words)
            marked = any(kind in ("school", "anybody", "number") for kind in kinds)
            return sure or marked or bool(century)
        if "place" in kinds:
            timed = any(word in ("period", "dynasty", "culture", "era", "empire") for word in words)
            return timed or bool(century) or any(kind in ("school", "anybody") for kind in kinds)
        return "anybody" in kinds or ("school" in kinds and len(words) == 1) or bool(century)
    if century:
        others = [word for word, kind in zip(words, kinds, strict=True) if kind == "other"]
        named = any(
            word.split("-")[0] in GIVEN_NAMES or re.fullmatch(r"[^\W\d_]\.?", word)
            for word in words
        )
        # "Urbino 16th Century" is a place's; "Cooper (British, 18th century)" is Cooper's
        beside = not re.search(r"[,(;]", lowered[: century.start()])
        return kinds[0] == "people" or (len(others) <= 2 and not named and beside)
    return False


def _kind(word: str) -> str:
    bare = word.rstrip(".")
    if word in _UNKNOWN or bare in _UNKNOWN:
        return "unknown"
    if word in _ANYBODY or word.removesuffix("s") in _ANYBODY:
        return "anybody"
    if word in _SCHOOL:
        return "school"
    if all(map(people_word, bare.split("-"))):
        return "people"
    if word in _FILLING or bare in _FILLING:
        return "filling"
    if _NUMBER.fullmatch(word):
        return "number"
    return "place" if bare in PLACES else "other"
