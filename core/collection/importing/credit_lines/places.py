"""Peoples and places: "Dutch", "niederländisch", "Firenze"; what stands beside a name and is none.

In: nothing. Out: words folded as `folding.flat` folds. Knows no artist.
"""

from __future__ import annotations

import re

from core.collection.importing.credit_lines.folding import compared, flat, words

# Adjectives of nations and regions as catalogues use them for schools and makers.
_PEOPLES = """
    andalusian aragonese castilian
    afghan african albanian algerian american angolan arab arabic argentine argentinian armenian
    asian assyrian australian austrian azerbaijani babylonian bahamian bangladeshi basque bavarian
    belgian bohemian bolivian bolognese bosnian brazilian british bulgarian burgundian burkinabe
    burmese byzantine cambodian cameroonian canadian catalan chilean chinese colombian congolese
    cornish costarican cretan croatian cuban cypriot czech czechoslovakian danish dutch ecuadorian
    egyptian emilian english estonian ethiopian etruscan european ferrarese filipino finnish
    flemish florentine franconian french frisian gambian genoese georgian german ghanaian greek
    guatemalan haitian hungarian icelandic indian indonesian inuit iranian iraqi irish islamic
    israeli italian ivorian jamaican japanese javanese jewish jordanian kazakh kenyan korean
    kuwaiti
    latvian lebanese ligurian lithuanian lombard macedonian malaysian malian mantuan marchigian
    mexican milanese minoan moldovan mongolian moravian moroccan mughal namibian native neapolitan
    nepalese netherlandish nigerian norwegian ottoman paduan pakistani palestinian panamanian
    paraguayan parisian parmesan persian peruvian phoenician piedmontese polish portuguese
    provencal prussian rhenish rajasthani roman romanian russian rwandan salvadoran sardinian
    saxon scandinavian scottish senegalese serbian sicilian sienese silesian slovak slovene
    slovenian somali soviet spanish styrian sudanese swabian swedish swiss syrian taiwanese
    tanzanian thai tibetan tunisian turkish tuscan tyrolean ugandan ukrainian umbrian uruguayan
    uzbek venetian venezuelan veronese vietnamese welsh westphalian yugoslav yugoslavian yugoslavi
    zairean zimbabwean anglo-american franco-flemish austro-hungarian italo-byzantine
    puertorican
    deutsch deutsche deutscher deutsches suddeutsch suddeutsche suddeutscher norddeutsch
    norddeutscher oberdeutsch oberdeutscher niederdeutsch niederrheinisch niederrheinischer
    oberrheinisch oberrheinischer mittelrheinischer niederlandisch niederlandischer hollandisch
    hollandischer flamisch flamischer franzosisch franzosischer italienisch italienischer
    italienische spanisch spanischer englisch englischer osterreichisch osterreichischer schweizer
    schweizerisch schweizerischer bohmisch bohmischer polnisch polnischer russisch russischer
    ungarisch ungarischer danisch danischer schwedisch schwedischer japanisch japanischer
    chinesisch chinesischer amerikanisch amerikanischer frankisch frankischer schwabisch
    schwabischer kolnisch kolner nurnberger augsburger tiroler sachsisch sachsischer bayerisch
    bayerischer venezianisch venezianischer florentinisch florentiner romisch romischer
    neapolitanisch neapolitanischer griechisch griechischer turkisch turkischer portugiesisch
    norwegisch finnisch belgisch belgischer tschechisch
    allemand allemande americain americaine anglais anglaise autrichien autrichienne belge
    bolonais bolonaise bourguignon chinois chinoise danois danoise ecossais espagnol espagnole
    ferrarais flamand flamande florentin florentine francais francaise genois genoise grec grecque
    hollandais hollandaise hongrois indien italien italienne japonais japonaise lombard lombarde
    milanais napolitain napolitaine neerlandais neerlandaise norvegien polonais polonaise portugais
    provencal romain romaine russe siennois siennoise suedois suisse tcheque toscan turc venitien
    venitienne rhenan
    americano americana austriaco belga bolognese bresciano cinese danese emiliano ferrarese
    fiammingo fiamminga fiorentino fiorentina francese genovese giapponese greco inglese italiano
    italiana ligure lombardo lombarda marchigiano milanese napoletano napoletana olandese
    piemontese pisano polacco portoghese romano romana russo senese siciliano spagnolo spagnola
    svizzero tedesco tedesca toscano toscana umbro umbra ungherese veneto veneta veneziano
    veneziana veronese
    alemana aleman andaluz aragones aragonesa austriaca castellano castellana catalana chino cubano
    espanol espanola flamenco flamenca florentino frances francesa granadino hispano
    hispanoflamenco hispanoflamenca holandes holandesa ingles inglesa japones leones madrileno
    madrilena mexicano mexicana napolitano napolitana neerlandes peruano portugues portuguesa ruso
    sevillano sevillana suizo toledano valenciano valenciana veneciano veneciana
    amerikaans belgisch chinees deens duits duitse engels engelse frans franse grieks haarlems
    hollands hollandse italiaans italiaanse japans japanse nederlands nederlandse noors
    noord-nederlands noord-nederlandse oostenrijks pools portugees russisch spaans spaanse vlaams
    vlaamse zuid-nederlands zuid-nederlandse zweeds zwitsers
    алманский английский голландский испанский итальянский китайский немецкий польский русский
    советский фламандский французский японский
""".split()  # noqa: SIM905
# "Schweizer", "Frans", "Romano", "Flamenco" are names of people too: they count only in company.
_ALSO_NAMES = words(
    """
    frans greco romano romana veronese pisano florentine danese lombard german roman schweizer
    russo toscano aleman espanol frances ingles francais frank georgian jordanian english french
    holland hollander florentin napolitano siciliano senese kolner toledano castellano catalan
    milanese americo welsh scott norman bolognese saxon polish irish romain lombardo native
    tedesco venetian wenetian veneziano provencal indian leones chino flamand lallemand
    florentiner hollands japan pools duits andaluz swiss francese fiorentino augsburger nurnberger
    tiroler jewish veneto umbro danois romani
    """
)
PEOPLES = frozenset(map(flat, _PEOPLES))
SURE_PEOPLES = PEOPLES - _ALSO_NAMES | {"english", "french", "german", "venetian", "indian"}

_COUNTRIES = """
    afghanistan|albania|algeria|argentina|armenia|australia|austria|azerbaijan|bangladesh|belarus|
    belgium|bohemia|bolivia|bosnia|brazil|britain|bulgaria|burma|cambodia|cameroon|canada|chile|
    china|colombia|congo|costa rica|croatia|cuba|cyprus|czech republic|czechoslovakia|denmark|
    ecuador|egypt|england|estonia|ethiopia|finland|flanders|france|gdr|germany|ghana|great britain|
    greece|guatemala|haiti|holland|hong kong|hungary|iceland|india|indonesia|iran|iraq|ireland|
    israel|
    italy|ivory coast|jamaica|japan|kenya|korea|latvia|lebanon|lithuania|luxembourg|malaysia|mali|
    mexico|mongolia|morocco|nepal|netherlands|the netherlands|new zealand|nigeria|north korea|
    norway|pakistan|palestine|panama|paraguay|peru|persia|philippines|poland|portugal|prussia|
    puerto rico|romania|russia|russian federation|scotland|senegal|serbia|singapore|slovakia|
    slovenia|south africa|south korea|soviet union|spain|sweden|switzerland|syria|taiwan|thailand|
    tibet|tunisia|turkey|uganda|uk|u k|ukraine|united kingdom|united states|united states of
    america|
    uruguay|us|u s|usa|u s a|ussr|venezuela|vietnam|wales|west germany|yugoslavia|zimbabwe|
    deutschland|osterreich|schweiz|frankreich|italien|spanien|niederlande|polen|russland|ungarn|
    allemagne|angleterre|autriche|belgique|espagne|etats unis|italie|pays bas|suisse|
    germania|inghilterra|italia|olanda|spagna|svizzera|alemania|espana|francia|inglaterra|
    paises bajos|nederland|duitsland|belgie|frankrijk|sverige|danmark|suomi|norge|
    россия|франция|германия|италия|ссср
"""
_CITIES = """
    aachen|aberdeen|alexandria|amiens|amsterdam|antwerp|antwerpen|arezzo|athens|atlanta|augsburg|
    aylesbury|bamberg|bangkok|barbizon|barcelona|basel|bath|beijing|beirut|bergen|berlin|bern|
    bielefeld|bienne|birmingham|bologna|bombay|bonn|bordeaux|boston|brescia|bristol|brno|brooklyn|
    bruges|brugge|brunswick|brussels|bruxelles|bucharest|budapest|buenos aires|cairo|calcutta|
    cambridge|canton|caracas|chicago|cincinnati|cleveland|cologne|constantinople|copenhagen|
    cordoba|cracow|cremona|danzig|darmstadt|delft|delhi|den haag|dessau|detroit|dijon|dresden|
    dublin|dusseldorf|edinburgh|edo|eindhoven|erfurt|faenza|ferrara|firenze|florence|fontainebleau|
    frankfurt|frankfurt am main|freiburg|geneva|geneve|genoa|genova|gent|ghent|glasgow|goteborg|
    gouda|granada|graz|grenoble|haarlem|halle|hamburg|hannover|hanover|havana|helsinki|herat|
    houston|innsbruck|istanbul|jaipur|jena|jerusalem|jingdezhen|johannesburg|kanagawa|karachi|
    karlsruhe|kassel|kiel|kiev|kobe|koln|konstanz|krakow|kyoto|la haye|lahore|lausanne|leeds|
    leiden|leipzig|liege|lille|lima|limoges|linz|lisboa|lisbon|liverpool|ljubljana|london|londres|
    los angeles|lubeck|lucca|lucerne|luneburg|luzern|lyon|lyons|maastricht|madrid|mainz|malaga|
    malmo|manchester|mannheim|mantova|mantua|marseille|mecheln|mechelen|meissen|melbourne|
    mexico city|milan|milano|milwaukee|minneapolis|minsk|modena|montreal|moscow|moskau|mumbai|
    munchen|munich|munster|murano|nagoya|nantes|naples|napoli|neapel|new delhi|new haven|
    new york|new york city|nice|nuremberg|nurnberg|odessa|osaka|oslo|oxford|padova|padua|palermo|
    paris|parma|passau|pavia|perugia|philadelphia|pictou|pisa|pittsburgh|pont-aven|potsdam|
    prag|prague|praha|ravenna|regensburg|reims|rennes|rio de janeiro|rom|roma|rome|rostock|
    rotterdam|rouen|saint petersburg|salamanca|salzburg|san diego|san francisco|sankt petersburg|
    santiago de chile|sao paulo|seattle|seoul|sevilla|seville|sevres|shanghai|siena|sofia|solingen|
    spoleto|st gallen|st louis|st petersburg|staffordshire|stockholm|strasbourg|strassburg|
    stuttgart|sydney|tallinn|tbilisi|tehran|tel aviv|the hague|tokyo|toledo|torino|toronto|
    toulouse|
    tours|trento|treviso|trier|trieste|tubingen|turin|ulm|uppsala|urbino|utrecht|valencia|
    valladolid|vancouver|venedig|venezia|venice|verona|versailles|vicenza|vienna|vienne|vilnius|
    wakefield|warsaw|warschau|warszawa|washington|washington d c|weimar|wien|winsted|wroclaw|
    wurzburg|yokohama|zagreb|zaragoza|zurich|москва|санкт-петербург|ленинград|киев|париж
"""
_STATES = """
    alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|idaho|
    illinois|
    indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|
    mississippi|missouri|montana|nebraska|nevada|new hampshire|new jersey|new mexico|
    north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania|rhode island|south carolina|
    south dakota|tennessee|texas|utah|vermont|west virginia|wisconsin|wyoming|bavaria|saxony|
    tuscany|lombardy|umbria|savoy|brittany|normandy|provence|catalonia|castile|andalusia|
    gifu ken|ny|ca|ct|pa|ma|nj|oh|il|mi|mn|dc|d c|wi|tx|fl|n y|calif|conn|mass|penn
"""


def _listed(text: str) -> frozenset[str]:
    return frozenset(compared(one) for one in re.split(r"\|", text) if one.strip())


COUNTRIES = _listed(_COUNTRIES) - {"us", "u s", "uk", "u k"}
PLACES = _listed(_COUNTRIES) | _listed(_CITIES) | _listed(_STATES)


def is_place(text: str) -> bool:
    """Whether the text is nothing but a city, a region or a country."""
    return compared(text) in PLACES


def is_people(text: str) -> bool:
    """Whether every word is a nationality: 'Dutch', 'Anglo-American', 'French and Swiss'."""
    words = flat(text).replace("/", " ").replace(",", " ").strip(" .").split()
    if len(words) == 2 and words in (["south", "african"], ["puerto", "rican"], ["costa", "rican"]):
        return True
    if len(words) > 1 and words[0] in ("new", "sri", "native", "african", "north", "south", "born"):
        words = words[1:]
    words = [word for word in words if word not in ("and", "or", "und", "et", "e", "y", "en")]
    return bool(words) and all(_is_one(word) for word in words)


def people_word(word: str) -> bool:
    """Whether a folded word is a people's, in any of German's endings: 'französische'."""
    ending = re.fullmatch(r"(.+isch)e[rsnm]?", word)
    return word in PEOPLES or (ending is not None and ending[1] in PEOPLES)


def _is_one(word: str) -> bool:
    if people_word(word) or word in ("zealander", "lankan", "rican"):
        return True
    pieces = word.split("-")
    return len(pieces) > 1 and all(
        people_word(piece)
        or piece in ("anglo", "franco", "italo", "sino", "austro", "greco", "afro")
        for piece in pieces
    )
