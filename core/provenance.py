"""What proves how a picture was made: a PNG that says so itself, and an evidence pack.

In: pixels and facts; named texts and pictures. Out: the PNG's bytes, with the recipe as text, the
run as JSON, and XMP that names the picture as made by an algorithm (IPTC's digital source type);
the pack's bytes, everything that supports one run's credits in one ZIP file, the same for the same
contents. Knows no ledger, no run and no database.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from html import escape
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # as early as a ZIP file can say
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" \
xmlns:dc="http://purl.org/dc/elements/1.1/"><Iptc4xmpExt:DigitalSourceType>{source}\
</Iptc4xmpExt:DigitalSourceType><dc:description><rdf:Alt><rdf:li xml:lang="x-default">{words}\
</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""


def recipe(facts: Mapping[str, Any]) -> str:
    """One line a person can read and a studio can paint again."""
    return (
        f"{facts['prompt']}\nSeed: {facts['seed']}, Steps: {facts['steps']}, "
        f"CFG scale: {facts['guidance']}, Sampler: DDIM, Model: {facts['collection']}, "
        f"Model hash: {str(facts['model_digest'])[:12]}"
    )


def png_with_facts(image: Image.Image, facts: Mapping[str, Any]) -> bytes:
    """`facts` needs prompt, seed, steps, guidance, collection, model_digest; more is kept too."""
    chunks = PngInfo()
    chunks.add_text("parameters", recipe(facts))
    chunks.add_itxt("creditline", json.dumps(dict(facts), sort_keys=True, ensure_ascii=False))
    words = f"{facts['prompt']}, painted by a model; run {facts.get('run', '')}".strip()
    chunks.add_itxt("XML:com.adobe.xmp", XMP.format(source=SOURCE_TYPE, words=escape(words)))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def facts_of(image: Image.Image) -> dict[str, Any] | None:
    """The facts that `png_with_facts` wrote, or None; never trusted, only shown."""
    text = getattr(image, "text", {}).get("creditline")
    try:
        facts = json.loads(text) if text else None
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None


def evidence_pack(files: Mapping[str, bytes]) -> bytes:
    """The files, and SHA256SUMS over them."""
    sums = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*sorted(files.items()), ("SHA256SUMS", sums.encode())]:
            archive.writestr(zipfile.ZipInfo(name, FIRST_DAY), data)
    return buffer.getvalue()
