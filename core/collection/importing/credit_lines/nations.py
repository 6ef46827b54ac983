"""One nation under its many words: "Dutch", "Niederländer", "néerlandaise", "The Netherlands".

In: a nationality as a source has it. Out: a word that equal nationalities share. Merges no two
peoples: what is not listed is only folded.
"""

from __future__ import annotations

import re

from core.collection.importing.credit_lines.folding import compared

# The first word names the nation. Adjectives in English, German, French, Dutch, Italian and
# Spanish, then the country. German endings (-e, -er, -es) and feminine forms are taken off first.
_NATIONS = """
    dutch netherlandish niederlandisch niederlander niederlanderin hollandisch hollander
        neerlandais hollandais nederlands nederlander hollands olandese neerlandes holandes
        netherlands niederlande holland pays-bas nederland olanda paises-bajos
    flemish flamisch flame flamand vlaams fiammingo flamenco flanders flandern vlaanderen
    belgian belgisch belgier belge belga belg belgium belgien belgique belgie belgio belgica
    german deutsch allemand duits tedesco aleman germany deutschland allemagne duitsland
        germania alemania
    austrian osterreichisch osterreicher autrichien oostenrijks austriaco austria osterreich
        autriche oostenrijk
    swiss schweizerisch schweizer suisse zwitsers svizzero suizo switzerland schweiz zwitserland
        svizzera suiza
    french franzosisch franzose francais frans francese frances france frankreich frankrijk
        francia
    italian italienisch italiener italien italiaans italiano italy italie italia
    spanish spanisch spanier espagnol spaans spagnolo espanol spain spanien espagne spanje
        spagna espana
    portuguese portugiesisch portugiese portugais portugees portoghese portugues portugal
    english englisch englander anglais engels inglese ingles england angleterre inghilterra
        inglaterra
    british britisch brite britannique brits britannico britanico britain great-britain
        united-kingdom uk u-k grossbritannien
    american us-american us-amerikanisch amerikanisch amerikaner americain amerikaans americano
        estadounidense statunitense united-states united-states-of-america usa u-s-a us u-s
        etats-unis vereinigte-staaten estados-unidos stati-uniti verenigde-staten
    swedish schwedisch schwede suedois zweeds svedese sueco svensk sweden schweden suede zweden
        svezia suecia sverige
    danish danisch dane danois deens dansk denmark danemark denemarken danimarca dinamarca
        danmark
    norwegian norwegisch norweger norvegien noors norvegese noruego norsk norway norwegen
        norvege noorwegen norvegia noruega norge
    finnish finnisch finne finlandais fins finlandese finlandes finland finnland finlande
        finlandia suomi
    polish polnisch pole polonais pools polacco polaco polski poland polen pologne polonia
        polska
    russian russisch russe russo ruso russia russland russie rusland rusia rossiya
    czech tschechisch tscheche tcheque tsjechisch ceco checo czech-republic czechia tschechien
    hungarian ungarisch ungar hongrois hongaars ungherese hungaro hungary ungarn hongrie
        hongarije ungheria hungria
    greek griechisch grieche grec grecque grieks greco griego greece griechenland grece
        griekenland grecia
    turkish turkisch turke turc turque turks turco turkey turkei turquie turkije turchia turquia
    japanese japanisch japaner japonais japans giapponese japones japan japon giappone
    chinese chinesisch chinois chinees cinese chino china chine cina
    indian indisch inder indien indiaas indiano indio india inde
    mexican mexikanisch mexikaner mexicain mexicaans messicano mexicano mexico mexiko mexique
        messico
    canadian kanadisch kanadier canadien canadees canadese canadiense canada kanada
    irish irisch ire irlandais iers irlandese irlandes ireland irland irlande ierland irlanda
    scottish schottisch schotte ecossais schots scozzese escoces scotland schottland ecosse
        schotland scozia escocia
"""


def _words() -> dict[str, str]:
    # a nation's words go on over indented lines
    lines = re.sub(r"\n {8,}", " ", _NATIONS).split("\n")
    return {word: row.split()[0] for row in lines if row.strip() for word in row.split()}


_NATION = _words()
# endings that a word may have beside the listed form
_ENDINGS = ("in", "innen", "e", "er", "es", "en", "ne", "se", "a")


def nation_key(text: str) -> str:
    """What equal nationalities have in common, in whatever language and as whatever part of speech.

    >>> nation_key("Niederländer"), nation_key("The Netherlands"), nation_key("dutch ")
    ('dutch', 'dutch', 'dutch')
    >>> nation_key("Anglo-Irish"), nation_key("Indien"), nation_key("")
    ('anglo-irish', 'indian', '')
    """
    plain = re.sub(r"^the ", "", compared(text).strip())
    joined = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or plain
    if joined in _NATION:
        return _NATION[joined]
    for ending in _ENDINGS:
        stem = joined.removesuffix(ending)
        if stem != joined and stem in _NATION:
            return _NATION[stem]
        if ending == "a" and stem != joined and f"{stem}o" in _NATION:  # 'olandesa', 'tedesca'
            return _NATION[f"{stem}o"]
    return joined
