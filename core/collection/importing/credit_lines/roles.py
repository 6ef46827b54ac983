"""The words for how somebody stands to a work, in the six languages of most catalogues.

In: the text of a cell. Out: phrases of roles and where they stand ("Workshop of", "(Umkreis)",
"gravé
par"), or what a whole role cell means. Knows no name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from core.collection.importing.credit_lines.folding import compared, flat, words
from core.collection.importing.credit_lines.line import Role


@dataclass(frozen=True)
class Standing:
    """What a phrase says: the role, and whether it is named with a doubt.

    `engraves`: makes the plate of a print. `designs`: gives the design, which is the making itself
    unless somebody else engraves it. `bystander`: had no hand in the making (a sitter, a donor).
    `known`: False for words that are not in the vocabulary.
    """

    role: Role = Role.MAKER
    attributed: bool = False
    engraves: bool = False
    designs: bool = False
    bystander: bool = False
    known: bool = True


ATTRIBUTED = Standing(attributed=True)

# Nouns per role, with the prepositions of their language: "workshop of", "Werkstatt des".
_PREPOSITIONS = {
    "en": r"of(?: the (?=master|monogram|pseudo|brothers))?|to",
    "de": r"von|vom|des|der(?= meister)",
    "fr": r"de(?= |$|\))|du|des|d'",
    "it": r"di|del|della|dell'|dei|degli|d'",
    "es": r"de|del|do|da",
    "nl": r"van(?= |$|\))|v\.",
    "ru": r"",
}
_NOUNS: dict[Role, dict[str, str]] = {
    Role.WORKSHOP: {
        "en": "workshop|work shop|workshops|studio|shop|assistants?",
        "de": "werkstatt|werkstattgehilfe|gehilfe|werkst\\.",
        "fr": "atelier|collaborateur|aides?",
        "it": "bottega|aiut[oi]|officina",
        "es": "taller|obrador|ayudantes?|oficina",
        "nl": "atelier|werkplaats|assistent(?:en)?",
        "ru": "мастерская",
    },
    Role.CIRCLE: {
        "en": "circle|entourage|associates?|ambit|close circle|immediate circle",
        "de": "umkreis|kreis|umfeld|umgebung|nahe|engerer umkreis|weiterer umkreis",
        "fr": "entourage|cercle|proche",
        "it": "cerchia|ambito|entourage|contesto",
        "es": "circulo|entorno|ambito",
        "nl": "omgeving|kring|entourage",
        "ru": "круг",
    },
    Role.FOLLOWER: {
        "en": "followers?|successor|close follower",
        "de": "nachfolger(?:in)?|nachfolge",
        "fr": "suiveurs?|continuateur|successeur",
        "it": "seguac[ei]|seguito",
        "es": "seguidor(?:es)?",
        "nl": "navolgers?|navolging",
        "ru": "последователь",
    },
    Role.SCHOOL: {
        "en": "school",
        "de": "schule",
        "fr": "ecole",
        "it": "scuola",
        "es": "escuela|escola",
        "nl": "school",
        "ru": "школа",
    },
    Role.PUPIL: {
        "en": "pupils?|students?",
        "de": "schuler(?:in)?",
        "fr": "eleves?|disciples?",
        "it": "alliev[oi]|discepol[oi]",
        "es": "discipulos?|alumnos?|aluno",
        "nl": "leerlingen|leerling",
        "ru": "ученик",
    },
    Role.MANNER: {
        "en": "manner|style|imitators?|imitation|pastiche|forgery|fake",
        "de": "nachahmer|manier|stil|imitator|falschung|(?<!\\w)art(?= (?:von|des|der))",
        "fr": "maniere|genre|style|gout|imitateurs?|imitation|pastiche|suite",
        "it": "maniera|stile|imitator[ei]|modi",
        "es": "manera|maneira|estilo|imitador(?:es)?",
        "nl": "manier|stijl|trant|imitator|imitatie",
        "ru": "подражатель",
    },
    Role.COPY: {
        "en": "cop(?:y|ies)|copyist|replica|version|facsimile|reproduction",
        "de": "kopie|kopist|replik",
        "fr": "copies?|copiste|replique|reproduction",
        "it": "copi[ae]|copista|replica",
        "es": "copias?|copista|replica",
        "nl": "kopie|copie|kopist|kopieen|replica",
        "ru": "копия",
    },
}
_LEADS = (
    r"(?:(?:in the|in|in der|dans l[ea]|dans|alla|nella|a la|au|nello|a|an|the|by the|"
    r"by an?|from the|member of the|aus der|aus dem|im|in de|de la|del|from) )?"
)
_PICTURE = (
    r"(?: (?:an? |the |een |einem |einer |einem verlorenen |un |une |uno |una |el |la |le |l'|"
    r"his |original |lost |of )*"
    r"(?:paintings?|drawings?|designs?|prints?|engravings?|etchings?|works?|originals?|"
    r"compositions?|"
    r"photographs?|models?|schilderij|tekening|prent|ontwerp|gemalde|zeichnung|entwurf|stich|"
    r"vorlage|modell|"
    r"dessin|tableau|peinture|gravure|modele|carton|disegno|dipinto|incisione|dibujo|pintura|"
    r"cuadro|"
    r"original|grabado) (?:by|of|van|von|des|de|du|di|del|door|par))?"
)
_FREELY = r"(?:(?:freely|loosely|closely|partly|frei|vrij|librement|deels) )?"
_AFTER = (
    rf"{_FREELY}after{_PICTURE}(?: the (?=master|monogram))?|"
    rf"{_FREELY}nach{_PICTURE}(?: dem (?=meister))?|"
    rf"{_FREELY}d'\s?apres{_PICTURE}|{_FREELY}naar{_PICTURE}|naer|"
    rf"segun{_PICTURE}|a partir de|dopo{_PICTURE}|tratto da|derivato da|derivazione da|"
    rf"inspire (?:de|par)|based on{_PICTURE}|"
    r"from an? (?:design|drawing|painting|work|print) (?:by|of)|inspired by|ispirato a|"
    r"inspirado en|"
    r"adapted from|modelled on|по оригиналу|по рисунку"
)
_COPY = (
    rf"cop(?:y|ies|ied) (?:after|from){_PICTURE}|replica after|version after|"
    rf"kopie nach{_PICTURE}|kopien nach|"
    rf"copies? d'apres{_PICTURE}|copia (?:antica )?da(?:l|lla)?|copia d'apres|copia segun|"
    rf"kopie naar{_PICTURE}|copie naar|replica da|"
    r"копия с картины|копия с|replik nach|reproduction after"
)
_FORMER = (
    r"(?:formerly|previously|once|traditionally|old|fruher|ehemals|ehem\.|vormals|ehedem|"
    r"anciennement|autrefois|jadis|gia|precedentemente|antes|anteriormente|"
    r"antiguamente|voorheen|vroeger|eerder|olim)"
)
_ATTRIBUTION = (
    r"(?:attributed|attrib\.|attr\.|attr|ascribed|assigned(?= to)|given(?= to)|attribue[es]?|"
    r"attribuit[oaie]|"
    r"atribuid[oa]s?|atrib\.|toegeschreven|toegeschr\.|zugeschrieben|zugeschr\.|zuschreibung)"
)
_TO = (
    r"(?: (?:to|a la|aux?|a|ad|al|aan|an))?(?: the "
    r"(?=workshop|studio|circle|school|follower|master|monogram))?"
)
_FORMERLY = (
    rf"{_FORMER},? {_ATTRIBUTION}{_TO}|formerly(?! known)|former attributions?(?: to)?|"
    r"ancienne attribution(?: a)?|"
    rf"fruhere zuschreibung(?: an)?|{_FORMER} (?:as|given to|called)|no longer attributed to|"
    r"not by|rejected attribution(?: to)?|previously listed as|ehemalige zuschreibung(?: an)?"
)
_DOUBT = (
    rf"{_ATTRIBUTION}{_TO}|attribution (?:to|a)|attribuzione a|atribucion a|"
    r"(?:most )?(?:probably|possibly|perhaps|likely|presumably|conceivably)(?: by)?|"
    r"may be(?: by)?|thought to be(?: by)?|"
    r"wohl(?: von)?|vermutlich(?: von)?|vielleicht(?: von)?|wahrscheinlich(?: von)?|"
    r"moglicherweise(?: von)?|mutmasslich|angeblich|"
    r"peut-etre|probablement|sans doute|possiblement|forse(?: di)?|probabilmente(?: di)?|"
    r"possibile|"
    r"posiblemente|probablemente|quizas?|tal vez|provavelmente|possivelmente|mogelijk|"
    r"waarschijnlijk|vermoedelijk|"
    r"wellicht|misschien|uncertain|unsicher|fraglich|приписывается|предположительно|"
    r"przypisywan[ey]"
)
_PRINTED = (
    r"printed (?:by|at)|gedruckt (?:von|bei)|imprime par|stampat[oa] da|"
    r"impres[oa] por|gedrukt door|druck(?: von)?:"
)
_PUBLISHED = (
    r"published by|issued by|edited and published by|verlegt (?:von|bei|durch)|herausgegeben von|"
    r"edite par|publie par|pubblicat[oa] da|edito da|publicad[oa] por|editad[oa] por|"
    r"uitgegeven door"
)
_ENGRAVED = (
    r"(?:engraved|etched|lithographed|mezzotinted|aquatinted|woodcut|cut|block cut|"
    r"carved)(?: and [a-z]+)? by|"
    r"(?:gestochen|radiert|lithographiert|lithografiert|geschnitten) von|(?:grave|"
    r"lithographie)e? par|"
    r"incis[oa] da|grabad[oa] por|gegraveerd door|geetst door"
)
_MADE = (
    r"(?:print )?(?:painted|drawn|made|executed|created|sculpted|modelled|modeled|"
    r"photographed|written|"
    r"illustrated|"
    r"manufactured|decorated|woven|built|constructed|fabricated|cast|composed|illuminated|produced|"
    r"work)(?: and [a-z]+)? by|"
    r"(?:gemalt|gezeichnet|ausgefuhrt|hergestellt|geschaffen|fotografiert) von|(?:peint|dessine|"
    r"execute|realise|fabrique)e? par|"
    r"(?:dipint|disegnat|eseguit|realizzat)[oa] da|(?:pintad|dibujad|realizad|hech)[oa] por|"
    r"(?:geschilderd|getekend|gemaakt|vervaardigd|uitgevoerd) door|eigenhandig|autograph"
)
_DESIGNED = (
    r"designed by|entworfen von|entwurf von|concu par|progettat[oa] da|"
    r"disenad[oa] por|ontworpen door"
)
_BYSTANDER = (
    r"(?:retailed|sold|owned|donated|collected|commissioned|lent|"
    r"restored|framed|conserved|printed out) by|"
    r"gift of|bequest of|portrait of|in memory of"
)

_STACK: list[tuple[str, Standing]] = [
    (_FORMERLY, Standing(Role.FORMERLY)),
    (_COPY, Standing(Role.COPY)),
    *(
        (
            rf"{_LEADS}(?:{nouns})\.? (?:{_PREPOSITIONS[language]})"
            if _PREPOSITIONS[language]
            else rf"(?:{nouns})",
            Standing(role),
        )
        for role, by_language in _NOUNS.items()
        for language, nouns in by_language.items()
    ),
    (_AFTER, Standing(Role.AFTER)),
    (_DOUBT, ATTRIBUTED),
    (_PRINTED, Standing(Role.PRINTER)),
    (_PUBLISHED, Standing(Role.PUBLISHER)),
    (_ENGRAVED, Standing(engraves=True)),
    (_DESIGNED, Standing(designs=True)),
    (_MADE, Standing()),
    (_BYSTANDER, Standing(bystander=True)),
]
_PREFIX = re.compile(
    r"(?<![^\s,;:/(\[«\"])(?:"
    + "|".join(f"(?P<p{n}>{one})" for n, (one, _) in enumerate(_STACK))
    + r")"
    r"(?:(?=[\s,:;)\]?]|$)|(?<='))\s*:?"
)
# A text without one of these stems holds no phrase: most names are told so at once.
_STEMS = re.compile(
    r"work|stud|shop|assist|werk|gehilf|atelier|collab|aide|botteg|aiut|offic|taller|obrador|"
    r"ayud|oficin|"
    r"мастер|circ|entour|associ|ambi|kreis|umfeld|umgeb|nahe|cercl|proche|cerchi|context|"
    r"contest|entorn|"
    r"omgev|kring|круг|follow|success|nachfolg|suiv|contin|segu|navolg|послед|scho|schu|ecole|"
    r"scuol|"
    r"escuel|escol|школ|pupil|stude|eleve|discip|alli|discep|alum|alun|leerl|учен|mann|styl|imit|"
    r"pastich|forger|fake|nachahm|mani|stil|falsch|\bart\b|genre|gout|suite|modi|mane|estil|"
    r"stijl|trant|"
    r"подраж|cop|repl|version|facsim|reprod|kop|копи|after|nach|apres|naa?e?r|partir|dopo|tratt|"
    r"deriv|inspi|ispir|based|from|adapt|modell|former|previous|once|tradit|old|fruh|ehem|vorm|"
    r"ehed|"
    r"ancien|autref|jadis|\bgia|preced|antes|anter|antig|voorh|vroeg|eerd|olim|attr|ascri|assign|"
    r"given|atrib|toeg|zuge|zusch|no longer|not by|reject|listed|prob|poss|perh|like|presum|"
    r"conceiv|may be|thought|wohl|verm|viell|wahrs|mog|mutm|angeb|peut|sans doute|forse|posib|"
    r"quiza|tal vez|provav|waars|wellic|missch|uncert|unsich|fragl|припис|предпол|przyp|print|"
    r"druck|"
    r"imprim|stamp|impres|gedruk|publ|issued|edit|verleg|heraus|uitgeg| by|^by|von\b|par\b|door|"
    r" da\b|por\b|eigenh|autogr|gift|beques|portrait|memory|по |rechts|crea"
)


@dataclass(frozen=True)
class Phrase:
    """A phrase of a role in a text, from `start` to `end`."""

    start: int
    end: int
    standing: Standing


def may_hold_roles(text: str) -> bool:
    """Whether the text has a word that could be a role's; most names have none."""
    return bool(_STEMS.search(flat(text)))


@lru_cache(maxsize=50_000)
def phrases(text: str) -> tuple[Phrase, ...]:
    """The phrases of roles in a name's cell, in their order."""
    lowered = flat(text)
    if not _STEMS.search(lowered):
        return ()
    return tuple(
        Phrase(match.start(), match.end(), _STACK[int((match.lastgroup or "p0")[1:])][1])
        for match in _PREFIX.finditer(lowered)
    )


# --- words that stand alone: role cells, brackets, ends of names -------------------------------

_BARE = re.compile(
    r"(?:(?:and|&|und|et|e|y|en|or|oder|ou|of|mit|avec|with|con|met)\s+)?"
    r"(?:(?:his|her|the|seine?r?|ihre?r?|son|sa|ses|sua|suo|suoi|su|zijn|haar|dessen|de)\s+)?"
    r"(?:"
    + "|".join(
        f"(?P<b{n}>{'|'.join(by_language.values())}"
        + ("|gehilfen|werkst[.]|botteguccia|shop assistants?" if role is Role.WORKSHOP else "")
        + ")"
        for n, (role, by_language) in enumerate(_NOUNS.items())
    )
    + r")s?\.?"
)
_BARE_ROLES = list(_NOUNS)

_MAKERS = words(
    """
    artist artiste artista kunstler kunstlerin kunstenaar maker creator creators author auteur
    autor autore painter maler malerin peintre pittore pintor pintora schilder sculptor bildhauer
    bildhauerin sculpteur scultore escultor beeldhouwer draftsman draughtsman draughtsperson
    draftsperson zeichner zeichnerin dessinateur disegnatore dibujante tekenaar photographer
    fotograf fotografin photograph photographe fotografo fotograaf illustrator illustrateur
    illustratore ilustrador architect architekt architecte architetto arquitecto manufacturer
    hersteller fabricant produttore fabricante fabrikant manufactory manufaktur manufacture
    printmaker printmakers grafiker prentmaker graphic ceramicist ceramist keramiker ceramiste
    ceramista potter pottenbakker modeler modeller modelleur goldsmith goldschmied silversmith
    silberschmied orfevre jeweler jeweller cabinetmaker ebeniste calligrapher calligraphe
    miniaturist illuminator enlumineur weaver weber tisserand decorator decorateur gilder founder
    bronzefounder caster foundry gießer giesser fonderie glassblower glassmaker collagist animator
    director filmmaker videographer performer composer writer poet dichter schriftsteller
    verfasser scrittore escritor schrijver translator calligraphy embroiderer lacquerer
    metalworker blacksmith carver woodcarver turner printmaking carpenter joiner clockmaker
    watchmaker medalist medallist medailleur enameler enameller emailleur firm company
    collaborator coauthor co-author urheber schopfer createur creatrice realisateur design
    designteam team group principal primary main художник автор скульптор фотограф архитектор
    живописец график
    """
)
_ENGRAVERS = words(
    """
    engraver etcher lithographer woodcutter woodcut xylographer mezzotinter aquatinter blockcutter
    block-cutter stecher kupferstecher radierer lithograph lithograf holzschneider formschneider
    graveur lithographe aquafortiste xylographe buriniste incisore litografo acquafortista
    xilografo grabador aguafortista graveerder etser lithograaf houtsnijder gravador engravers
    etchers lithographers printmaker_engraver гравер sculpsit sculpt sculpt.
    sculp. sculp sc. fecit incidit aquaforti
    """
)
_DESIGNERS = words(
    """
    designer designers inventor invenit inv. inv inventore entwerfer entwurf entwurfer ontwerper
    progettista disenador concepteur pinxit pinxt pinxt. pinx. pinx delineavit delin. delin
    del. designed
    source intermediary_draftsman
    """
)
_PRINTERS = words(
    """
    printer printers drucker imprimeur stampatore impresor drukker tipografo typographer печатник
    """
)
_PUBLISHERS = words(
    """
    publisher publishers verleger verlag editeur editore uitgever editorial excudit exc. exc
    excud. excud издатель herausgeber issuer
    """
)
_BYSTANDERS = words(
    """
    sitter subject depicted portrayed dargestellter modele_vivant dedicatee dedicator donor
    stifter schenker patron auftraggeber commissioner commanditaire client collector sammler
    collectionneur owner former_owner besitzer seller dealer handler kunsthandler marchand
    retailer distributor lender lessor curator kurator editor redacteur restorer restaurator
    conservator addressee recipient adressat honoree model sponsor actor engraved_subject
    copyright rightsholder
    """
)
_IGNORED = words(
    """
    print and & und et e y en the of or oder ou der die das la le el il de primary main lead chief
    assistant associate original first second third role a
    """
)
_MARK = re.compile(r"^[\s(\[]*\?+[\s)\]]*$")
_WRAPPED = re.compile(r"^[\s(\[{]+|[\s)\]}:,;]+$")


@lru_cache(maxsize=20_000)
def standing_of(cell: str) -> Standing:
    """What a role cell, a prefix or a bracket says: 'Workshop of', '(?)', 'Engraver'.

    Of several words the most careful reading wins: a qualifier before a making, a making before
    a printing.
    """
    text = flat(_WRAPPED.sub("", cell))
    if not text:
        return ATTRIBUTED if _MARK.match(cell) and cell.strip() else Standing()
    doubtful = text.endswith("?") or _MARK.match(cell) is not None
    text = text.rstrip("? ").removesuffix("(").strip()
    if not text:
        return ATTRIBUTED
    standing = _of_words(text)
    if doubtful and standing.role is Role.MAKER:
        return Standing(
            attributed=True,
            engraves=standing.engraves,
            designs=standing.designs,
            known=standing.known,
        )
    return standing


def _of_words(text: str) -> Standing:
    bare = _BARE.fullmatch(text)
    if bare:
        return Standing(_BARE_ROLES[int((bare.lastgroup or "b0")[1:])])
    if text in ("da", "from", "nach", "after", "d'apres", "naar", "aft.", "aft", "n.", "segun"):
        return Standing(Role.AFTER)
    if text in ("by", "von", "par", "di", "por", "door", "de", "van", "hand of", "own hand"):
        return Standing()
    if text in ("copy", "copied", "copie", "kopie", "copia"):
        return Standing(Role.COPY)
    inside = [one.standing for one in phrases(text)]
    if any(one.role is Role.FORMERLY for one in inside):
        return Standing(Role.FORMERLY)
    single = _of_nouns(text)
    if single.known:
        return single
    if inside:
        return _most_careful(inside)
    qualified = [
        _BARE_ROLES[int((one.lastgroup or "b0")[1:])]
        for one in _BARE.finditer(text)
        if _is_word(text, one.start(), one.end())
    ]
    if qualified:
        return Standing(qualified[0])
    if re.search(r"(?:^|\s)(?:by|von|par|da|por|door|of|for)$", text):
        return Standing(known=bool(re.search(r"(?:by|von|par|da|por|door)$", text)))
    return single


def _is_word(text: str, start: int, end: int) -> bool:
    return (start == 0 or not text[start - 1].isalnum()) and (
        end == len(text) or not text[end : end + 1].isalnum()
    )


_NOUN = re.compile(r"[^\s,;/|()]+")


def _of_nouns(text: str) -> Standing:
    """'Artist', 'Designer and manufacturer', 'printer/publisher', 'attributed designer'."""
    words = [word for word in _NOUN.findall(text) if word not in _IGNORED]
    doubt = any(
        word
        in (
            "attributed",
            "attr.",
            "possible",
            "possibly",
            "probable",
            "probably",
            "presumed",
            "zugeschrieben",
            "attribue",
            "attribuito",
            "atribuido",
            "toegeschreven",
        )
        for word in words
    )
    kinds = {kind for word in words if (kind := _noun_kind(word))}
    strange = [word for word in words if not _noun_kind(word)] if not doubt else []
    if "former" in words and "attribution" in words:
        return Standing(Role.FORMERLY)
    if not kinds:
        return Standing(attributed=doubt, known=doubt)
    if strange and kinds <= {"bystander", "printer", "publisher"}:
        return Standing(known=False)
    if kinds & {"maker", "engraver", "designer"}:
        return Standing(
            attributed=doubt,
            engraves="engraver" in kinds,
            designs="designer" in kinds and not kinds & {"maker", "engraver"},
        )
    if "printer" in kinds:
        return Standing(Role.PRINTER)
    if "publisher" in kinds:
        return Standing(Role.PUBLISHER)
    return Standing(bystander=True)


def _noun_kind(word: str) -> str:
    for one in (word, word.rstrip("."), word.removesuffix("s"), word.removesuffix("(s)")):
        for kind, nouns in _NOUN_KINDS:
            if one in nouns:
                return kind
    return ""


_NOUN_KINDS = (
    ("engraver", _ENGRAVERS),
    ("designer", _DESIGNERS),
    ("printer", _PRINTERS),
    ("publisher", _PUBLISHERS),
    ("bystander", _BYSTANDERS),
    ("maker", _MAKERS),
)


def _most_careful(several: list[Standing]) -> Standing:
    """'possibly after', 'attributed to the workshop of': the qualifier is the role."""
    for one in several:
        if one.role is Role.FORMERLY:
            return one
    for one in several:
        if one.role not in (Role.MAKER, Role.PRINTER, Role.PUBLISHER):
            return one
    for one in several:
        if one.role is not Role.MAKER:
            return one
    return Standing(
        attributed=any(one.attributed for one in several),
        engraves=any(one.engraves for one in several),
        designs=all(one.designs for one in several),
        bystander=all(one.bystander for one in several),
    )


def stacked(several: list[Standing]) -> Standing:
    """Phrases that follow each other before one name, as one."""
    return _most_careful(several) if several else Standing()


def is_role_word(text: str) -> bool:
    """Whether the text is a role and nothing else: 'printmaker', 'copy after', 'Umkreis'."""
    return bool(compared(text)) and standing_of(text).known and _only_role(flat(text))


def _only_role(text: str) -> bool:
    text = _WRAPPED.sub("", text).rstrip("? ")
    if _BARE.fullmatch(text) or text in ("da", "n.", "aft.", "nach", "after", "naar", "d'apres"):
        return True
    pieces = [piece for piece in re.split(r"[,/]", text) if piece.strip(" ?")]
    if len(pieces) > 1:
        return all(_only_role(piece) for piece in pieces)
    words = [word for word in _NOUN.findall(text) if word not in _IGNORED]
    if words and all(_noun_kind(word) for word in words):
        return True
    inside = phrases(text)
    rest = text
    for one in reversed(inside):
        rest = rest[: one.start] + rest[one.end :]
    return bool(inside) and not re.sub(r"[\W_]|\b(?:of|to|by|and|the|de|an|von|a)\b", "", rest)
