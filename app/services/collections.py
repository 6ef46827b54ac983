"""The collections at hand, and the one that was chosen, by folder or by name.

In: settings. Out: paths and loaded collections. Knows no model.
"""

from __future__ import annotations

from pathlib import Path

from app.settings import EMBEDDED, Settings
from core.collection.store import MANIFEST, find_collections, load_collection
from core.collection.types import Collection, class_prompt
from core.errors import CollectionError, UsageError


def collections_at_hand(settings: Settings) -> list[Path]:
    """The embedded collection, those in CREDITLINE_HOME/collections, and the chosen one."""
    chosen = [settings.collection] if (settings.collection / MANIFEST).is_file() else []
    return find_collections([EMBEDDED, *chosen, settings.collections])


def readable_collections(settings: Settings) -> tuple[list[Collection], list[str]]:
    """Those that can be loaded, and for each other one the sentence that says why not."""
    readable, unreadable = [], []
    for path in collections_at_hand(settings):
        try:
            readable.append(load_collection(path, check_files=False))
        except CollectionError as error:
            unreadable.append(error.message)
    return readable, unreadable


def chosen_path(settings: Settings) -> Path:
    """The directory of the chosen collection: a path as given, or the name of one at hand."""
    chosen = settings.collection
    if (chosen / MANIFEST).is_file() or chosen == EMBEDDED:
        return chosen
    at_hand = {path.name: path for path in collections_at_hand(settings)}
    if chosen.name == str(chosen) and chosen.name in at_hand:
        return at_hand[chosen.name]
    if chosen.is_dir():
        return chosen  # the store says which of its files are missing
    names = ", ".join(sorted(at_hand)) or "none"
    raise UsageError(
        f"There is no collection '{chosen}' here. Give a collection's folder, or one of the names "
        f"at hand ({names})."
    )


def chosen_collection(settings: Settings) -> Collection:
    """The chosen collection, loaded; the embedded one's absence has an error of its own."""
    path = chosen_path(settings)
    if path == EMBEDDED and not (path / MANIFEST).is_file():
        raise CollectionError(
            "The embedded collection is missing from this installation. Fetch the project again, "
            "rebuild it with `python -m app workshops build`, or choose another with --collection."
        )
    return load_collection(path)


def chosen_style(collection: Collection, name: str) -> str:
    """The class a person meant: exact, or in other letters' case, or with spaces for marks."""

    def folded(text: str) -> str:
        return text.casefold().replace("_", " ").replace("-", " ").strip()

    for style in collection.styles:
        if name == style or folded(name) == folded(style):
            return style
    if collection.by_caption and collection.knows(name):
        return name
    raise UsageError(
        f"The collection '{collection.name}' has no class '{name}'. "
        f"Choose one of: {', '.join(collection.styles)}."
    )


def class_of(collection: Collection, style: str | None, prompt: str | None) -> str:
    """The class of `--class`, or of a prompt that is a class's own; these the model learnt."""
    if (style is None) == (prompt is None):
        raise UsageError(
            "Say what to paint with one of --class and --prompt. "
            f"Classes: {', '.join(collection.styles)}."
        )
    if style is not None:
        return chosen_style(collection, style)
    for known in collection.styles:
        if class_prompt(known).casefold() == " ".join((prompt or "").split()).casefold():
            return known
    if collection.by_caption and collection.knows(prompt or ""):
        return " ".join((prompt or "").split())
    raise UsageError(
        f"This model has not learnt the prompt '{prompt}'. It knows: "
        f"{', '.join(class_prompt(known) for known in collection.styles)}."
    )
