"""Licences by one name; what is not recognised stays as it was written."""

from __future__ import annotations

from core.collection.importing.licences import licence
from tests.tables import becomes


@becomes(
    """
    https://creativecommons.org/licenses/by-sa/4.0/ -> CC BY-SA 4.0
    http://creativecommons.org/licenses/by/3.0/deed.en -> CC BY 3.0
    https://creativecommons.org/publicdomain/zero/1.0/ -> CC0
    https://www.creativecommons.org/publicdomain/mark/1.0/ -> Public domain
    True -> Public domain
    0 -> Not in the public domain
    " © the estate, 1999 " -> © the estate, 1999
    https://example.org/licenses/by/4.0 -> https://example.org/licenses/by/4.0
    "" -> ""
    """
)
def test_a_licence_has_one_name(text: str, expected: str) -> None:
    """Among them what ArtBench's column is_public_domain says: True, 0."""
    assert licence(text) == expected
    assert licence(expected) == expected
