"""Every page in every language: nothing is missing, nothing is left in English, no key is shown."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message

from app.services.jobs import Jobs
from app.services.runs import GenerateRequest, RunFinished, generate_and_attribute
from app.services.session import Studio, open_studio
from app.settings import read_settings
from app.web.access import Access
from app.web.blocks import build_studio
from app.web.callers import Callers
from app.web.formatting import (
    counted,
    credits,
    decimal,
    environment_of,
    month,
    number,
    percent,
    percentages,
    render,
    style_name,
)
from app.web.formatting import moment as written
from app.web.language import ENGLISH, LANGUAGES, Language
from app.web.language_choice import COOKIE, language_of
from app.web.localized_pages import _reader
from app.web.pages.compare import compare_page
from app.web.pages.history import history_page
from app.web.pages.ledger import artists_page, ledger_page
from app.web.pages.method import method_page, section
from app.web.pages.run import shown
from app.web.sentences import SENTENCES
from app.web.uploads import Budgets, Uploads
from core.collection.types import Collection
from core.ledger.records import LedgerFilter
from tests.app.web.conftest import Visit
from tests.app.web.test_templates import report_of
from tests.languages import OTHERS, catalogue, sentences

GERMAN, FRENCH, DUTCH, SPANISH = (LANGUAGES[code] for code in ("de", "fr", "nl", "es"))
OF_OTHERS = [LANGUAGES[code] for code in OTHERS]
VALUE = re.compile(r"%\((\w+)\)s|%%")
TAG = re.compile(r"</?\w+>")
# sentences that are the same word in a language; each was looked at
SAME = {
    "de": {
        *("Name", "Status", "Hash", "Prompt", "Ridge (lambda)", "%(facts)s; 1 work", "Esc", "Tab"),
        *("TRAK, ensemble", "Studio", "LDS by halves"),
    },
    "fr": {
        *(
            "Style",
            "Styles",
            "Source",
            "Question",
            "Date",
            "Pages",
            "Type",
            "Classes",
            "Collection",
        ),
        *("Distance", "Ridge (lambda)", "Verdict", "Ctrl", "Tab", "Page %(page)s of %(pages)s"),
        *("influence", "Licence", "landscape", "portrait", "Images"),
    },
    "nl": {
        *("Prompt", "Run", "Runs", "Model", "Ridge (lambda)", "Ctrl", "Enter", "Esc", "Tab"),
        *(
            "%(number)s run",
            "%(runs)s run.",
            "Run %(run)s",
            "art nouveau",
            "makers",
            "%(number)s makers: %(names)s",
            "kubisme",
        ),
    },
    "es": {"Ridge (lambda)", "no", "Ctrl", "Esc", "Tab"},
}


def both(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple) else (message.id,)


def translations(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


# --- the catalogues ---------------------------------------------------------------------------


@pytest.mark.parametrize("code", OTHERS)
def test_no_sentence_is_missing_and_none_is_left_over(code: str) -> None:
    """`python -m tests.languages` brings the files up to date; a person then writes what is new."""
    wanted = {(one.context, one.id) for one in sentences() if one.id}
    there = {(one.context, one.id): one for one in catalogue(code) if one.id}
    assert wanted - there.keys() == set()
    assert there.keys() - wanted == set()
    assert [one.id for one in there.values() if not all(translations(one)) or one.fuzzy] == []


@pytest.mark.parametrize("code", OTHERS)
def test_every_value_stands_in_the_translation_too(code: str) -> None:
    """No value is lost or invented: a wrong name would be an error on the page."""
    wrong = []
    for message in catalogue(code):
        if not message.id:
            continue
        needed = set(VALUE.findall("".join(both(message)))) - {""}
        for text in translations(message):
            used = set(VALUE.findall(text)) - {""}
            plain = VALUE.sub("", text)
            # one thing need not say that it is one
            if used - needed or (len(both(message)) == 1 and needed - used) or "%" in plain:
                wrong.append((message.id, text))
    assert wrong == []


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_brings_no_markup_of_its_own(code: str) -> None:
    """It is shown as the template's own text is: only with the tags that the sentence has."""
    for message in catalogue(code):
        if not message.id or message.id in SENTENCES:
            continue  # those of `sentences` are escaped as every value is
        tags = sorted(TAG.findall(both(message)[0]))
        for text in translations(message):
            assert sorted(TAG.findall(text)) == tags, text
            assert not set(TAG.sub("", text)) & set('<>"&'), text


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_is_translated_by_itself(code: str) -> None:
    same = {
        both(one)[0]
        for one in catalogue(code)
        if one.id and translations(one)[0] == both(one)[0] and re.search("[a-z]{2}", both(one)[0])
    }
    assert same - SAME[code] == set()


@pytest.mark.parametrize("code", OTHERS)
def test_quotes_and_spaces_are_those_of_the_language(code: str) -> None:
    for message in catalogue(code):
        for text in translations(message) if message.id else ():
            if "--map" in text or "`" in text:
                continue
            assert "'" not in text, text
            if code in ("de", "fr", "es"):
                assert " %%" not in text, text  # never at the start of a line
            if code == "fr":
                assert not re.search(r"[^\u202f\u00a0(][;?!:»](?!/)", text), text


# --- numbers, dates, plural forms -------------------------------------------------------------


def test_numbers_are_written_as_in_the_language() -> None:
    assert [number(1_234_567, one) for one in (ENGLISH, GERMAN, FRENCH, DUTCH, SPANISH)] == [
        "1,234,567",
        "1.234.567",
        "1\u202f234\u202f567",
        "1.234.567",
        "1.234.567",
    ]
    assert [percent(0.4123, 1, one) for one in (ENGLISH, GERMAN, FRENCH, DUTCH, SPANISH)] == [
        "41.2 %",
        "41,2\u00a0%",
        "41,2\u00a0%",
        "41,2%",
        "41,2\u00a0%",
    ]
    assert credits(-1_234_567_890, GERMAN) == "−1.234,568"
    assert decimal(3.14159, 2, FRENCH) == "3,14"


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_shares_sum_to_a_hundred_in_every_language(language: Language) -> None:
    shares = percentages([1, 1, 1], language)
    parts = [int(re.sub(r"\D", "", share)) for share in shares]
    assert sum(parts) == 10_000


def test_dates_are_written_as_in_the_language() -> None:
    time = "2026-03-04T05:06:07+00:00"
    assert written(time, GERMAN) == "4. März 2026, 05:06 UTC"
    assert written(time, FRENCH) == "4 mars 2026, 05:06 UTC"
    assert written(time, DUTCH) == "4 mrt 2026, 05:06 UTC"
    assert written(time, SPANISH) == "4 mar 2026, 05:06 UTC"
    assert [month("2026-03", one) for one in (ENGLISH, GERMAN, SPANISH)] == [
        "March 2026",
        "März 2026",
        "marzo de 2026",
    ]


def test_one_thing_and_none_have_their_own_forms() -> None:
    assert [counted(n, "work", GERMAN) for n in (0, 1, 2)] == ["0 Werke", "1 Werk", "2 Werke"]
    # in French, none is counted as one
    assert [counted(n, "work", FRENCH) for n in (0, 1, 2)] == ["0 œuvre", "1 œuvre", "2 œuvres"]


def test_a_style_has_its_name_where_the_language_has_one() -> None:
    assert style_name("cubism", GERMAN) == "Kubismus"
    assert style_name("ukiyo_e", GERMAN) == "Ukiyo e"
    assert style_name("my own", FRENCH) == "My own"


# --- sentences from where no language is known ------------------------------------------------


@pytest.mark.parametrize("language", OF_OTHERS, ids=OTHERS)
def test_a_sentence_of_core_is_known_by_its_pattern(language: Language) -> None:
    for sentence in SENTENCES:
        names = VALUE.findall(sentence)
        values = {name: f"Xy{place}" for place, name in enumerate(names) if name}
        english = sentence % values
        said = language.translated(english)
        assert all(value in said for value in values.values()), said
        if sentence not in SAME[language.code]:
            assert said != english or translations_of(language, sentence) == sentence, english


def translations_of(language: Language, sentence: str) -> str:
    return language.catalogue.gettext(sentence)


def test_several_sentences_are_known_one_by_one_and_others_stay() -> None:
    words = "Its transparent parts were laid on white. Nobody has written this one."
    assert GERMAN.translated(words) == (
        "Seine durchsichtigen Teile wurden auf Weiß gelegt. Nobody has written this one."
    )
    assert GERMAN.translated("") == ""
    assert GERMAN.translated(
        "Without A. Berg the model knows this picture about as well as before (+1.5 % error)."
    ).startswith("Ohne A. Berg kennt")


# --- which language ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "cookie", "code"),
    [
        ("", "", "en"),
        ("de", "", "de"),
        ("de-AT,en;q=0.5", "", "de"),
        ("it, nl-BE;q=0.3, fr;q=0.8", "", "fr"),
        ("en-GB,en;q=0.9,de;q=0.8", "", "en"),
        ("zh, ja", "", "en"),
        ("de;q=0, es", "", "es"),
        ("*", "", "en"),
        ("de", f"other=1; {COOKIE}=nl", "nl"),
        ("de", f"{COOKIE}=klingon", "de"),
        ("de", f"{COOKIE}=../../x", "de"),
        (";;;,q=,de;q=x", "\x00=;;", "de"),
    ],
)
def test_the_language_is_the_chosen_one_then_the_browsers(
    accepted: str, cookie: str, code: str
) -> None:
    assert language_of({"accept-language": accepted, "cookie": cookie}).code == code


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_page_says_its_language_and_offers_all(visitor: Visit, code: str) -> None:
    headers = {"accept": "text/html", "accept-language": f"{code},en;q=0.1"}
    for path in (
        "/",
        "/ledger",
        "/artists",
        "/history",
        "/method",
        "/compare",
        "/import",
        "/names",
    ):
        page = visitor.client.get(path, headers=headers)
        assert re.search(r'<html\s+lang="(\w\w)"', page.text)[1] == code  # type: ignore[index]
        assert page.headers["content-language"] == code
        assert "accept-language" in page.headers["vary"] and "cookie" in page.headers["vary"]
        assert page.text.index("navigator") < page.text.index("gradio_config")
    assert visitor.client.cookies.get(COOKIE) is None  # what a browser asks for needs no cookie


def test_two_readers_get_two_languages(visitor: Visit) -> None:
    def first(code: str) -> str:
        return str(
            visitor.client.get("/", headers={"accept": "text/html", "accept-language": code}).text
        )

    german, english, again = first("de"), first("en"), first("de")
    assert "Startwert" in german and "Startwert" not in english
    assert "New seed" in english and "New seed" not in german
    assert re.sub(r'"app_id":\d+', "", german) == re.sub(r'"app_id":\d+', "", again)


# --- every page -------------------------------------------------------------------------------


class Texts(HTMLParser):
    """All that a reader meets: texts, and the values of attributes that are read or shown."""

    READ = ("alt", "aria-label", "title", "placeholder", "data-copy-link", "data-copy-by-hand")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.code = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.code += tag in ("code", "pre", "style", "script", "option", "kbd")
        self.texts += [value for name, value in attrs if name in self.READ and value]

    def handle_endtag(self, tag: str) -> None:
        self.code -= tag in ("code", "pre", "style", "script", "option", "kbd")

    def handle_data(self, data: str) -> None:
        if not self.code:
            self.texts.append(data)


@pytest.fixture(scope="module")
def studio(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with two painted runs."""
    home = tmp_path_factory.mktemp("languages")
    opened = open_studio(read_settings(home=home, collection=ready.path, device="cpu"))
    for seed in (3, 4):
        events = generate_and_attribute(opened, GenerateRequest("cubism", seed))
        assert any(isinstance(event, RunFinished) for event in events)
    yield opened
    opened.ledger.close()


@pytest.fixture(scope="module")
def pages(studio: Studio) -> Any:
    """All pages of the studio, as one text, in a language."""
    callers = Callers(studio.settings, Access(studio.settings))
    uploads = Uploads(studio.settings.home, Budgets())
    blocks = build_studio(Jobs(studio), callers, uploads)
    with studio.ledger.moment() as moment:
        views = moment.runs(LedgerFilter()).items
    runs = [view.record.id for view in views]
    artist = studio.collection.artists[0].id

    def made(language: Language) -> list[str]:
        token = _reader.set(language)
        components = blocks.config["components"]
        named = [name for _, name, _ in blocks.config["pages"]]
        _reader.reset(token)
        texts = [*named]
        for component in components:
            props = component["props"]
            texts += [str(props.get(name) or "") for name in ("label", "info", "placeholder")]
            if component["type"] in ("button", "html"):
                texts += Texts(str(props.get("value") or "")).texts
            texts += [str(label) for label, _ in props.get("choices") or ()]
        html = [
            ledger_page(studio, {}, language),
            ledger_page(studio, {"since": "2000-01-01", "until": "2000-01-02"}, language),
            artists_page(studio, {}, language),
            artists_page(studio, {"id": artist}, language),
            artists_page(studio, {"id": "nobody"}, language),
            history_page(studio, {"compare": runs[0]}, language),
            compare_page(studio, {"a": runs[0], "b": runs[1]}, language),
            compare_page(studio, {}, language),
            method_page(studio, {}, language),
            section(report_of("7"), language),
        ]
        for view in views:
            html += [one for one in shown(studio, view, "", language) if isinstance(one, str)]
        for page in html:
            texts += Texts(page).texts
        return [" ".join(text.split()) for text in texts]

    return made


@pytest.mark.parametrize("language", OF_OTHERS, ids=OTHERS)
def test_no_page_shows_an_english_rest(studio: Studio, pages: Any, language: Language) -> None:
    """What a page says in English, it says otherwise in every other language; data stays."""
    collection = studio.collection
    data = {
        *(one.name for one in collection.artists),
        *(one.title for one in collection.works),
        *(one.licence for one in collection.works),
        *(one.id for one in collection.artists),
        *("Check 7", "wikidata", "Ukiyo e", "a cubism painting", collection.description),
        *(collection.title, collection.name, "Creditline", "JSON", "D-TRAK", "σ"),
    }
    english = [text for text in pages(ENGLISH) if re.search("[A-Za-z]{3}", text)]
    spoken = set(pages(language))
    known = {both(one)[0] for one in catalogue(language.code) if one.id} & SAME[language.code]
    rest = {
        text
        for text in english
        if text in spoken and text not in data and text not in known and is_prose(text, data)
    }
    assert not rest, sorted(rest)


def is_prose(text: str, data: set[str]) -> bool:
    """Whether more than names, ids and figures stand in it."""
    text = re.sub(r"\bRun #\d+", "", text)  # Dutch says so too
    for name in sorted(data, key=len, reverse=True):
        text = text.replace(name, "")
    if re.search("[φΛᵀ]|exp", text):  # a formula without words
        text = re.sub(r"\b(mean|diag|cos|exp|min|L_\w+)\b", "", text)
    return bool(re.search(r"\b[A-Za-z][a-z]{2,}\b", text)) and not re.fullmatch(
        r"[\w.@#×·/-]+|L_\w+|.*[0-9a-f]{8,}.*", text.strip()
    )


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_no_page_shows_a_key_or_an_empty_place(pages: Any, language: Language) -> None:
    for text in pages(language):
        assert "%(" not in text and "%%" not in text and "__i18n__" not in text, text
        assert not re.search(r"\bNone\b(?! of )", text)
        assert "{" not in text.replace("{place}", "").replace("{all}", ""), text


def test_pages_have_the_same_places_in_every_language(pages: Any) -> None:
    counts = {language.code: len(pages(language)) for language in LANGUAGES.values()}
    assert len(set(counts.values())) == 1, counts


def test_every_template_is_made_of_sentences() -> None:
    """No word of a template stands outside of what is translated, but the API's page: programmers
    read there what the code says of itself, in its language."""
    words = re.compile(r">[^<>{}%]*\b[a-zA-Z]{3,}\b[^<>{}%]*<")
    allowed = {">JSON<", ">Vermilion<"}
    for file in set(environment_of(ENGLISH).list_templates()) - {"api.html"}:
        source = (Path("app/web/templates") / file).read_text(encoding="utf-8")
        source = re.sub(
            r"{#.*?#}|{% trans.*?{% endtrans %}|<pre>.*?</pre>|<code>.*?</code>",
            "",
            source,
            flags=re.S,
        )
        assert set(words.findall(source)) - allowed == set(), file


def test_letters_of_a_language_are_whole(pages: Any) -> None:
    """The catalogues are read as what they are written in."""
    text = " ".join(pages(GERMAN))
    assert "ü" in text and "Ã" not in text and not set(text) & set(string.whitespace) - {" "}


def test_a_fragment_falls_back_to_english_where_nothing_is_written() -> None:
    assert GERMAN.say("Nobody has translated this.") == "Nobody has translated this."
    assert render("notices.trouble", GERMAN, words="x").count("Das ging nicht.") == 1
