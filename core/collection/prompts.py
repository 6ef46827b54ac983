"""The sentence a class is painted with. In: a style's name. Out: the prompt. Knows no model."""

from __future__ import annotations


def class_prompt(style: str) -> str:
    """'Ukiyo-e' -> 'a ukiyo-e painting', 'Art_Nouveau' -> 'an art nouveau painting'.

    Lower case, underscores and runs of space become one space. 'an' before a, e, i, o; a leading
    u reads as 'you' in the names of styles (ukiyo-e, universalism), so it takes 'a'.
    """
    words = " ".join(style.replace("_", " ").lower().split())
    if not words:
        return "a painting"
    article = "an" if words[0] in "aeio" else "a"
    return f"{article} {words} painting"
