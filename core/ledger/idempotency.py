"""The key by which one picture is credited once, however often it is traced.

In: digests of the picture and the model, and how it was traced. Out: a digest.
"""

from __future__ import annotations

from core.ledger.hashes import digest

FIRST_RULE = "top-k-positive@1:2d52abc6c02b"  # stood in every key when it was the only rule


def idempotency_key(image_sha256: str, model_digest: str, *parts: str) -> str:
    """One picture by one model is credited once, however often it is traced and whichever rule is
    in force by then: a picture that an older rule credited stays credited by that."""
    return digest([image_sha256, model_digest, FIRST_RULE, *parts])
