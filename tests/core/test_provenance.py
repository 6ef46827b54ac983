"""A painted file says how it was made, and loses no pixel by it."""

from __future__ import annotations

import hashlib
import io
import xml.etree.ElementTree as ElementTree
import zipfile

from PIL import Image

from core.provenance import SOURCE_TYPE, evidence_pack, facts_of, png_with_facts

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


def test_a_pack_lists_its_files_sums_and_is_reproducible() -> None:
    files = {"run.json": b"{}", "picture.png": b"png"}
    data = evidence_pack(files)
    assert data == evidence_pack(dict(reversed(list(files.items()))))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
