"""What every verb and address answers as JSON, and the reference's text of it.

`python -m tests.reference` writes the section of `assets/docs/reference.md` again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.services import (
    artist_ablation,
    evaluation,
    painted_pictures,
    report,
    retrieval,
    serialize,
    serialize_accounts,
    serialize_artists,
    serialize_disputes,
    serialize_ledger,
    serialize_provenance,
    training_summary,
)
from core.files import write_text
from core.ledger.export import ExportedEntry

REFERENCE = Path(__file__).resolve().parent.parent / "assets" / "docs" / "reference.md"
BEGIN, END = "<!-- JSON, by `python -m tests.reference` -->\n", "<!-- end of JSON -->\n"

VERBS: dict[str, Any] = {
    "collections": list[serialize.CollectionRecord],
    "import": serialize.ImportRecord,
    "summary": training_summary.TrainingSummary,
    "remove": serialize.RemovalRecord,
    "train": serialize.TrainingRecord,
    "featurize": serialize.FeaturesRecord,
    "generate": serialize.GenerationRecord,
    "attribute": serialize.TraceRecord | serialize.RefusalRecord,
    "methods": list[serialize.MethodRecord],
    "score": serialize.ScoresRecord,
    "evaluate lds": evaluation.LdsRecord,
    "evaluate counterfactual": evaluation.CounterfactualRecord,
    "evaluate artists": evaluation.ArtistsRecord,
    "evaluate artist": artist_ablation.ArtistAblationRecord,
    "evaluate retrieval": retrieval.RetrievalRecord | list[retrieval.RetrievalRecord],
    "evaluate pictures": painted_pictures.PicturesRecord,
    "evaluate report": report.ReportRecord,
    "ledger totals": serialize_ledger.LedgerTotals,
    "ledger entries": serialize_ledger.EntriesPage,
    "ledger artist": serialize_ledger.ArtistRecord,
    "ledger statement": serialize_ledger.StatementRecord,
    "ledger reverse": serialize_ledger.EntryRecord,
    "ledger dispute": serialize_disputes.DisputeRecord,
    "ledger comment": serialize_disputes.DisputeRecord,
    "ledger resolve": serialize_disputes.DisputeRecord,
    "ledger disputes": serialize_disputes.DisputesPage,
    "ledger verify": serialize_ledger.VerificationRecord,
    "ledger publish": serialize_ledger.PublicationRecord,
    "ledger prove": serialize_ledger.ProofRecord,
    "ledger check": serialize_ledger.ProofRecord,
    "ledger backup": serialize_ledger.BackupRecord,
    "ledger restore": serialize_ledger.RestorationRecord,
    "ledger export": list[ExportedEntry],
    "workshops list": list[serialize.WorkshopRecord],
    "workshops paint": serialize.PaintingRecord,
    "workshops build": serialize.RebuildRecord,
    "accounts add": serialize_accounts.AccountRecord,
    "accounts list": serialize_accounts.AccountsRecord,
    "accounts password": serialize_accounts.AccountRecord,
    "accounts revoke": serialize_accounts.AccountRecord | serialize_accounts.TokenRecord,
    "accounts token": serialize_accounts.NewTokenRecord,
    "artists review": list[serialize_artists.ProposalRecord],
    "artists answer": serialize_artists.AnswerRecord,
    "artists decide": serialize_artists.DecisionRecord,
    "artists decisions": list[serialize_artists.DecisionRecord],
    "artists undo": serialize_artists.DecisionRecord,
    "artists import": list[serialize_artists.ChangeRecord],
    "artists opt-out": serialize_artists.OptedOutRecord,
    "artists opt-in": serialize_artists.OptedOutRecord,
    "artists opt-outs": list[serialize_artists.WishRecord],
    "verify": serialize_provenance.PackRecord,
    "provenance init": serialize_provenance.AuthorityRecord,
    "provenance show": serialize_provenance.AuthorityRecord,
    "doctor": serialize.DoctorRecord,
}
RUN = "/runs/ID.json"


def schema_of(answer: Any) -> list[str]:
    """A model, a list of one, or one of several as annotated JSON: a line per key."""
    schema = TypeAdapter(tuple[answer]).json_schema(mode="serialization")  # all models by name
    lines = list(_Written(schema["$defs"]).value("", schema["prefixItems"][0], ""))
    width = max(len(left) for left, _ in lines) + 2
    return [f"{left:<{width}}{words.replace('`', '')}".rstrip() for left, words in lines]


class _Written:
    """JSON schema as lines of (code, words); an object is spelled out where it first appears."""

    def __init__(self, named: dict[str, Any]) -> None:
        self.named = named
        self.shown: dict[str, str] = {}

    def value(self, left: str, schema: dict[str, Any], words: str) -> Iterator[tuple[str, str]]:
        """The lines of one value after `left`, its key."""
        choices = schema.get("anyOf", [schema])
        objects = [one for one in choices if self._object(one)]
        if not objects:
            yield left + self._type(schema), words
            return
        nothing = " or null" if {"type": "null"} in choices else ""
        for number, one in enumerate(objects):
            if number:
                yield left + "or", ""
            many, item = one.get("type") == "array", self._object(one)
            name = item.rpartition("/")[2]
            open_, close = ("[{", "}, ...]") if many else ("{", "}")
            if name in self.shown:
                yield f"{left}{open_[:-1]}{self.shown[name]}{close[1:]}{nothing}", words
                continue
            self.shown[name] = f"as {left.strip(' :?')}" if left else "as above"
            model = self.named[name]
            yield left + open_, words or model["description"]
            pad = " " * (len(left) - len(left.lstrip()) + 2)
            for key, field in model["properties"].items():
                colon = ":" if key in model["required"] else "?:"
                yield from self.value(f'{pad}"{key}"{colon} ', field, field["description"])
            yield pad[2:] + close + nothing, ""

    def _object(self, schema: dict[str, Any]) -> str:
        """The reference to the object that a schema is, or is a list of; else nothing."""
        if schema.get("type") == "array":
            schema = schema.get("items", {})
        return str(schema.get("$ref", ""))

    def _type(self, schema: dict[str, Any]) -> str:
        if "anyOf" in schema:
            return " or ".join(self._type(one) for one in schema["anyOf"])
        if schema.get("type") == "array":
            if "prefixItems" in schema:
                return f"[{', '.join(self._type(one) for one in schema['prefixItems'])}]"
            return f"[{self._type(schema['items'])}, ...]"
        if schema.get("type") == "object" and isinstance(schema["additionalProperties"], dict):
            return f"{{string: {self._type(schema['additionalProperties'])}, ...}}"
        return str(schema["type"])


def section() -> str:
    """Every answer, as the reference prints it."""
    answers = {f"{verb} --json": answer for verb, answer in VERBS.items()}
    parts = []
    for title, answer in (answers | {RUN: serialize_ledger.RecordedRun}).items():
        parts += [f"### `{title}`", "", "```text", *schema_of(answer), "```", ""]
    return "\n".join(parts)


if __name__ == "__main__":
    text = REFERENCE.read_text(encoding="utf-8")
    head, tail = text.index(BEGIN) + len(BEGIN), text.index(END)
    write_text(REFERENCE, text[:head] + section() + text[tail:])
