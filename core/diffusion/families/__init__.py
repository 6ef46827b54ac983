"""The families that can be painted with and attributed; adding one is adding its file here."""

from __future__ import annotations

from pathlib import Path

from core.diffusion.families.family import Family
from core.diffusion.families.flux import FLUX_1
from core.diffusion.families.stable_diffusion import STABLE_DIFFUSION
from core.diffusion.families.stable_diffusion_3 import STABLE_DIFFUSION_3
from core.diffusion.families.stable_diffusion_xl import STABLE_DIFFUSION_XL
from core.diffusion.families.z_image import Z_IMAGE_FAMILY
from core.errors import ModelError
from core.files import read_json

MODEL_INDEX = "model_index.json"
FAMILIES = {
    family.pipeline: family
    for family in (
        STABLE_DIFFUSION,
        STABLE_DIFFUSION_XL,
        STABLE_DIFFUSION_3,
        FLUX_1,
        Z_IMAGE_FAMILY,
    )
}


def known_families() -> str:
    """Their names, for a sentence."""
    *most, last = (family.name for family in FAMILIES.values())
    return f"{', '.join(most)} and {last}"


def family_of(model_dir: Path) -> Family:
    """By the class that model_index.json names. Raises `ModelError` where there is none, or where
    the family is unknown, with those that are known."""
    kind = read_json(
        model_dir / MODEL_INDEX,
        lambda index: str(index["_class_name"]),
        missing=(
            f"No painting model in {model_dir}: {MODEL_INDEX} is missing. "
            "Train one (`python -m app train`) or point the collection at a model folder."
        ),
        damaged=f"{MODEL_INDEX} in {model_dir} is damaged. Copy or download the model again.",
        error=ModelError,
    )
    if kind not in FAMILIES:
        raise ModelError(
            f"The model in {model_dir} is a {kind}, and only {known_families()} can be "
            "attributed. Choose one of them."
        )
    return FAMILIES[kind]
