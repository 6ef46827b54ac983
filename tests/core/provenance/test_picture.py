"""A painted file says how it was made, and loses no pixel by it."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree

from PIL import Image

from core.provenance.picture import SOURCE_TYPE, facts_of, png_with_facts

FACTS = {
    "prompt": "a <b>cubism</b> & painting",
    "seed": 7,
    "steps": 20,
    "guidance": 2.0,
    "collection": "workshops",
    "model_digest": "abc" * 20,
    "run": "r1",
}
IMAGE = Image.linear_gradient("L").convert("RGB")


def test_the_facts_come_back_and_the_pixels_stay() -> None:
    with Image.open(io.BytesIO(png_with_facts(IMAGE, FACTS))) as image:
        assert image.tobytes() == IMAGE.tobytes()
        assert facts_of(image) == FACTS
        assert image.text["parameters"].splitlines()[1].startswith("Seed: 7, Steps: 20")


def test_the_xmp_is_valid_and_names_the_source_type() -> None:
    with Image.open(io.BytesIO(png_with_facts(IMAGE, FACTS))) as image:
        tree = ElementTree.fromstring(image.text["XML:com.adobe.xmp"])
    texts = [node.text for node in tree.iter() if node.text]
    assert SOURCE_TYPE in texts
    assert any("a <b>cubism</b> & painting" in text for text in texts)


def test_a_picture_without_or_with_broken_facts_says_none() -> None:
    assert facts_of(IMAGE) is None
    broken = IMAGE.copy()
    broken.text = {"creditline": "{not json"}  # type: ignore[attr-defined]
    assert facts_of(broken) is None


def test_the_xmp_names_the_system_its_version_and_the_prompt_as_iptc_does() -> None:
    space = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    for writer, expected in (({}, None), ({"prompt_writer": "Ann <Ek>"}, "Ann <Ek>")):
        with Image.open(io.BytesIO(png_with_facts(IMAGE, FACTS | writer))) as image:
            tree = ElementTree.fromstring(image.text["XML:com.adobe.xmp"])
        fields = {node.tag: node.text for node in tree.iter() if node.tag.startswith(space)}
        assert fields[f"{space}AISystemUsed"] == "Creditline: workshops"
        assert fields[f"{space}AISystemVersionUsed"] == f"sha256:{FACTS['model_digest']}"
        assert fields[f"{space}AIPromptInformation"] == FACTS["prompt"]
        assert fields.get(f"{space}AIPromptWriterName") == expected
