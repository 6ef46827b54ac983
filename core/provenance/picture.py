"""A PNG that says itself how it was made.

In: pixels and facts. Out: the PNG's bytes, with the recipe as text, the run as JSON, and XMP that
names the picture as made by an algorithm (IPTC's digital source type) and by which, from which
prompt (the fields of IPTC 2025.1). Anything signed comes after: see `content_credentials`. Knows no
ledger, no run and no database.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from html import escape
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SYSTEM = "Creditline"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" \
xmlns:dc="http://purl.org/dc/elements/1.1/">{fields}<dc:description><rdf:Alt>\
<rdf:li xml:lang="x-default">{words}</rdf:li></rdf:Alt></dc:description></rdf:Description>\
</rdf:RDF></x:xmpmeta>"""


def pixels_digest(image: Image.Image) -> str:
    """sha256 over size and pixels: what makes two painted pictures the same."""
    head = f"{image.mode}{image.width}x{image.height}".encode()
    return hashlib.sha256(head + image.tobytes()).hexdigest()


def recipe(facts: Mapping[str, Any]) -> str:
    """One line a person can read and a studio can paint again."""
    return (
        f"{facts['prompt']}\nSeed: {facts['seed']}, Steps: {facts['steps']}, "
        f"CFG scale: {facts['guidance']}, Sampler: DDIM, Model: {facts['collection']}, "
        f"Model hash: {str(facts['model_digest'])[:12]}"
    )


def png_with_facts(image: Image.Image, facts: Mapping[str, Any]) -> bytes:
    """`facts` needs prompt, seed, steps, guidance, collection, model_digest; more is kept too.

    `prompt_writer`, where it is among them, is a person's name: it stands in the XMP.
    """
    chunks = PngInfo()
    chunks.add_text("parameters", recipe(facts))
    chunks.add_itxt("creditline", json.dumps(dict(facts), sort_keys=True, ensure_ascii=False))
    chunks.add_itxt("XML:com.adobe.xmp", _xmp(facts))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def _xmp(facts: Mapping[str, Any]) -> str:
    fields = {
        "DigitalSourceType": SOURCE_TYPE,
        "AISystemUsed": f"{SYSTEM}: {facts['collection']}",
        "AISystemVersionUsed": f"sha256:{facts['model_digest']}",
        "AIPromptInformation": facts["prompt"],
        "AIPromptWriterName": facts.get("prompt_writer"),
    }
    written = "".join(
        f"<Iptc4xmpExt:{name}>{escape(str(value))}</Iptc4xmpExt:{name}>"
        for name, value in fields.items()
        if value
    )
    words = f"{facts['prompt']}, painted by a model; run {facts.get('run', '')}".strip()
    return XMP.format(fields=written, words=escape(words))


def facts_of(image: Image.Image) -> dict[str, Any] | None:
    """The facts that `png_with_facts` wrote, or None; never trusted, only shown."""
    text = getattr(image, "text", {}).get("creditline")
    try:
        facts = json.loads(text) if text else None
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None
