"""A file's name credits nobody whom it does not surely name; a machine's name is no title."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.file_names import fields_of_name, is_name

MACHINES = """
DSC_1044|_DSC0042|DSCF0012|DSCN0001|IMGP1234|SAM_0001|CIMG0001|P1010123|R0001234|_MG_1234
IMG_0001|IMG_E1234|IMG_20240105_101112_HDR|IMG_20240105_101112_BURST001_COVER|20240105_101112
MVIMG_20200101_101112|PXL_20240105_101112345.MP|PXL_20240105_101112345~2|VID_20240105
IMG-20240105-WA0003|WhatsApp Image 2024-01-05 at 10.11.12 (1)|signal-2024-01-05-101112
FB_IMG_1700000000000|received_1234567890123|mmexport1700000000000|Snapchat-1234567890
telegram-cloud-photo-size-2-1234|photo_2024-01-05_10-11-12|Photo 12.01.24, 10 11 12
Screenshot_20240101-1212|Screenshot 2024-01-01 at 10.11.12 AM|Screen Shot 2024-01-01 (2)
Bildschirmfoto 2024-01-01 um 10.11.12|Capture d’écran 2024-01-05 à 10.11.12
Schermata 2024-01-05 alle 10.11.12|Captura de pantalla 2024-01-05
Screenshot_2024-01-01-10-11-12-123_com.instagram.android
GOPR0001|GX010012|DJI_0001|DJI_20240105101112_0001_D
Scan_20240105 (2)|scan_0001|scan0001|Scan 5 Jan 2024|Adobe Scan Jan 5, 2024|EPSON_001|CCF_000012
CamScanner 01-05-2024 10.11|New Doc 2024-01-05 10.11.12|page-01|plate_12
ComfyUI_00001_|00001-1234567|grid-0001|sdxl_00012|DALL-E 2024-01-05
Untitled_Artwork 3|Untitled-1|unnamed|final_v2|final_final_2|cropped_7c1|image_3|image (3)|image0
thumb_1920_1080|download (1)|InShot_20240105_101112345|unsplash-photo-123|test_image
7c1f3c2a-1234-4abc-9def-0123456789ab|d41d8cd98f00b204e9800998ecf8427e|0|000123|1700000000000
ohne_titel|sans_titre|Sin título_3
"""


@pytest.mark.parametrize("stem", MACHINES.strip().replace("\n", "|").split("|"))
def test_a_machine_s_name_names_no_artist_no_title_and_no_year(stem: str) -> None:
    fields = fields_of_name(stem)
    assert (fields.artist, fields.title, fields.year) == ("", "", "")


@pytest.mark.parametrize(
    ("stem", "artist", "title", "year"),
    [
        ("Anna Berg_Sea-1910", "Anna Berg", "Sea", "1910"),
        ("Anna Berg_001", "Anna Berg", "", ""),
        ("anna-berg_scan0001", "Anna Berg", "", ""),
        ("Monet_Lilies", "Monet", "Lilies", ""),
        ("KAWS_Companion", "KAWS", "Companion", ""),
        ("hiroshige_rabbits-under-moon-1850", "Hiroshige", "Rabbits under moon", "1850"),
        ("pieter-bruegel-the-elder_hunters-1565", "Pieter Bruegel the Elder", "Hunters", "1565"),
        ("a-b_untitled-1885(2)", "A B", "Untitled 2", "1885"),
        ("El Greco_Toledo", "El Greco", "Toledo", ""),
        ("le-corbusier_still-life", "Le Corbusier", "Still life", ""),
        ("Gilbert & George_Death", "Gilbert & George", "Death", ""),
        ("The Boyle Family_Study", "The Boyle Family", "Study", ""),
        ("Georgia O'Keeffe_Poppies", "Georgia O'Keeffe", "Poppies", ""),
        ("man-ray_le-cadeau-1921", "Man Ray", "Le cadeau", "1921"),
        ("Sol LeWitt_Wall", "Sol LeWitt", "Wall", ""),
        ("Илья Репин_Бурлаки", "Илья Репин", "Бурлаки", ""),
        ("葛飾北斎_神奈川沖浪裏", "葛飾北斎", "神奈川沖浪裏", ""),
        (
            "vincent-van-gogh_the-starry-night-1889(1)",
            "Vincent van Gogh",
            "The starry night 1",
            "1889",
        ),
    ],
)
def test_a_person_or_a_body_is_named(stem: str, artist: str, title: str, year: str) -> None:
    fields = fields_of_name(stem)
    assert (fields.artist, fields.title, fields.year) == (artist, title, year)


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("a harbour by anna berg_001", "A harbour by anna berg"),
        ("the kiss_1908", "The kiss"),
        ("Der Kuss_1908", "Der Kuss"),
        ("sunset_beach", "Sunset beach"),
        ("mona_lisa", "Mona lisa"),
        ("blue-horse_final", "Blue horse"),
        ("still-life_02", "Still life"),
        ("self-portrait_1889", "Self portrait"),
        ("harbour at night_v2", "Harbour at night"),
        ("misty forest_0001", "Misty forest"),
        ("masterpiece best quality_00001", "Masterpiece best quality"),
        ("my_painting", "My painting"),
        ("Painting_of_a_harbour", "Painting of a harbour"),
        ("Cubism_Harbour", "Cubism Harbour"),
        ("Anna_Berg_Sea", "Anna Berg Sea"),  # where does the name end?
        ("00012-1234567-a harbour at dawn", "A harbour at dawn"),
        ("DALL·E 2024-01-05 10.11.12 - A harbour in oil", "A harbour in oil"),
        ("annab_the_sea_at_dawn_7c1f3c2a-1234-4abc-9def-0123456789ab", "The sea at dawn"),
        ("Leonardo_Diffusion_XL_a_harbour", "Leonardo Diffusion XL a harbour"),
        ("Boy's dream_3", "Boy's dream 3"),
    ],
)
def test_a_title_alone_is_a_title_and_nobody_s_name(stem: str, title: str) -> None:
    fields = fields_of_name(stem)
    assert (fields.artist, fields.title) == ("", title)


NAMES = ("Ann", "Anna Berg", "Jan van Eyck", "Mary Ellen Mark", "Käthe Kollwitz", "Félix Vallotton")


@given(st.sampled_from(NAMES), st.sampled_from(["Sea", "Red Sail", "study-in-grey", "IMG_001"]))
def test_a_name_is_believed_whatever_follows(name: str, rest: str) -> None:
    assert is_name(name)
    if " " in name or rest != "IMG_001":
        assert fields_of_name(f"{name}_{rest}").artist == name


@given(
    st.sampled_from(["IMG", "DSC", "scan", "Photo", "image", "ComfyUI", "Screenshot", "final"]),
    st.sampled_from(["_", "-", " ", ""]),
    st.integers(0, 10**9).map(str),
)
def test_a_device_s_word_with_any_number_names_nobody(word: str, mark: str, number: str) -> None:
    fields = fields_of_name(word + mark + number)
    assert (fields.artist, fields.title, fields.year) == ("", "", "")


@given(st.text(max_size=60))
def test_any_name_says_something_and_never_fails(stem: str) -> None:
    fields = fields_of_name(stem)
    assert "\n" not in fields.artist + fields.title and (not fields.year or fields.year.isdecimal())
