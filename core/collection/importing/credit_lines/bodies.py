"""Names of firms, studios and groups: what makes "Ateliers Jean Perzel, Paris" one maker.

In: a name. Out: whether its words say that it is a body. Knows no table.
"""

from __future__ import annotations

import re
from functools import lru_cache

from core.collection.importing.credit_lines.folding import flat, words
from core.collection.importing.credit_lines.given_names import GIVEN_NAMES

# Words after which "&" and "," join one firm: "Gale Son & Co.", "Poli and Cuteri Architects".
TAILS = words(
    """
    son sons sohn sohne co co. comp. company compagnie cie cie. ci compania companhia inc inc. ltd
    ltd. limited llc l.l.c. llp gmbh ag kg mbh sa s.a. s.p.a. spa srl s.r.l. plc corp corp.
    corporation brothers bros bros. bruder gebruder gebr gebr. freres frere fils fratelli f.lli
    figli figlio hermanos hijos hijo irmaos filhos zonen zoon gebroeders broers sisters daughters
    associates associated partners partner family familie famille famiglia familia nephew neveu
    witwe wwe veuve widow erben heirs heritiers architects architekten architectes architetti
    arquitectos a/s ab oy as bv b.v. n.v. nv kk k.k. cia cia.
    """
)
_WORDS = words(
    """
    studio studios atelier ateliers werkstatte werkstatten workshop workshops werkplaats
    manufactory manufacture manufactures manufacturing manufaktur manufactura manifattura
    manufacturer factory fabrik fabrique fabbrica fabrica fabriek works glassworks foundry
    giesserei fonderie fonderia fundicion pottery potteries porcelain porzellanmanufaktur
    porzellanfabrik porcelaine verlag verlagsanstalt publishers publisher publishing edizioni
    editions edition press presse imprimerie stamperia tipografia druckerei drukkerij printers
    lithographers school
    group groupe gruppe gruppo grupo groep collective collectif kollektiv collettivo
    colectivo collectief cooperative cooperativa kooperative union society societe gesellschaft
    societa sociedad association verein vereinigung verband guild gilde league club committee
    council board institute institut instituto istituto academy academie akademie accademia
    academia university universite universitat universita universidad universiteit college ecole
    hochschule bauhaus museum musee museo gallery galleries galerie galleria galeria kunsthandel
    kunsthandlung foundation fondation stiftung fondazione fundacion fund collection bank auctions
    archive archives institution institutions laboratory laboratories laboratorio labor lab labs
    office bureau buro department ministry agency agence agentur service services navy army
    airforce nasa railway railways headquarters industries industrie industria machines hardware
    tableware cutlery furniture toys tapestry tapisserie tapisseries arazzeria photo-studio
    photographers photographs photography films film pictures productions production records
    theatre theater ensemble orchestra band girls boys design designs designers architecture
    architectural engineering engineers technologies technology systems international enterprises
    trust project projects network crew store shop warenhaus shoten papermill mill mills
    partnership ind. ind kaisha language movement artists painters makers craftsmen weavers
    community village tribe antiquaria antiques newspaper magazine zeitung zeitschrift артель
    мастерские фабрика завод группа общество издательство
    """
)
# "Frederick P. L. Mills" is no mill.
_SURNAMES = words(
    """
    mills mill guild bank press band labor shop crew office college union pictures film village
    tribe trust store records works girls boys toys navy artists painters weavers lithographers
    printers bureau
    """
)
_TOKEN = re.compile(r"[^\s,;()|]+")


# Bodies whose names read like "workshop of" and "school of".
NAMED_BODIES = re.compile(
    r"(?:the )?(?:taller de grafica|atelier populaire|circle of friends|circle of the national|"
    r"(?:school|studio) of (?:the )?(?:visual|art|arts|fine|applied|design|architecture|"
    r"crafts)\b|estudio de arte)"
)
_NOTNAME = re.compile(
    r"(?:the )?(?:monogramm?is|master|meister|maitre|maestro|meester|pseudo)\w*\s"
)


@lru_cache(maxsize=50_000)
def body_words(name: str) -> bool:
    """'Steuben Glass Works', 'Wiener Werkstätte', 'Celli-Flynn and Associates'."""
    lowered = flat(name)
    if NAMED_BODIES.match(lowered):
        return True
    if _NOTNAME.match(lowered):
        return False
    words = _TOKEN.findall(lowered)
    if len(words) < 2 and not (words and words[0] in ("bauhaus", "nasa", "nationalmuseum")):
        return False
    person = len(words) > 1 and (words[0] in GIVEN_NAMES or words[0].endswith("."))
    return any(
        (word in _WORDS and not (person and word in _SURNAMES and place == len(words) - 1))
        or (word in TAILS and (place > 0 or word in ("fratelli", "gebruder", "veuve")))
        or word.endswith(
            ("-werke", "-manufaktur", "manufaktur", "werkstatte", "werkstatten", "-sohn", "-sohne")
        )
        for place, word in enumerate(words)
    ) or "office of " in flat(name)


def is_tail(text: str) -> bool:
    """Whether the text is only the end of a firm's name: 'Co.', 'Sons', 'Inc.'."""
    words = _TOKEN.findall(flat(text))
    return bool(words) and all(word in TAILS or word in ("and", "&", "et") for word in words)


def is_acronym(name: str) -> bool:
    """'SKHS', 'MVRDV': capitals that no one can speak as a name."""
    return bool(re.fullmatch(r"[B-DF-HJ-NP-TV-XZ]{2,5}", name))
