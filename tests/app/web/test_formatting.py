"""Numbers, dates and names as people read them; addresses that no name can lead astray."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from app.web import formatting
from app.web.formatting import counted, credits, moment, numbered, percentages, sigma, style_name

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30))
def test_percentages_sum_to_a_hundred(micros: list[int]) -> None:
    shares = [round(float(share.rstrip(" %")) * 100) for share in percentages(micros)]
    assert sum(shares) == (10_000 if any(micros) else 0)


def test_words_for_numbers() -> None:
    assert sigma(4.12) == "+4.1σ"
    assert sigma(-0.5) == "−0.5σ"
    assert credits(1_234_567) == "1.235"
    assert credits(-500_000) == "−0.500"
    assert numbered(42) == "#000042"
    assert (counted(1, "work"), counted(1200, "work")) == ("1 work", "1,200 works")


def test_words_for_times_and_classes() -> None:
    assert moment("2026-03-04T05:06:07+00:00") == "04 Mar 2026, 05:06 UTC"
    assert moment("once") == "once"
    assert style_name("ukiyo_e") == "Ukiyo e"


@given(TEXTS)
def test_no_id_leads_out_of_this_server(text: str) -> None:
    made = {
        formatting.work_picture(text): "/media/thumbnails/works/",
        formatting.whole_work(text): "/media/works/",
        formatting.run_thumbnail(text): "/media/thumbnails/runs/",
        formatting.run_picture(text): "/media/runs/",
        formatting.picture_without(text, text, text): "/media/runs/",
        formatting.run_file(text, ".json"): "/runs/",
        formatting.run_page(text): "/?run=",
        formatting.artist_page(text): "/artists?id=",
    }
    for address, start in made.items():
        assert address.startswith(start)
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc, parts.fragment) == ("", "", "")
        assert address.isascii() and not set(address) & set("\"'<> \\")
    assert unquote(formatting.whole_work(text).removeprefix("/media/works/")) == text
    assert formatting.whole_work(text).count("/") == 3
    assert parse_qs(urlsplit(formatting.run_page(text)).query, keep_blank_values=True) == {
        "run": [text]
    }


@given(TEXTS)
def test_an_identifier_leads_to_its_keeper_alone(text: str) -> None:
    for scheme, template in formatting.ELSEWHERE.items():
        address = formatting.identifier_page(scheme, text)
        assert address is not None
        assert urlsplit(address)[:2] == urlsplit(template)[:2]
    assert formatting.identifier_page(f"x{text}", "https://example.org") is None
