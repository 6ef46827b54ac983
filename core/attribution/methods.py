"""Every attribution method as a row of choices; a method is never a copy of another.

representation: which vectors; kernel: `ridge` (W = Phi (Phi'Phi + lambda I)^-1) or `identity`;
unit: which sides are brought to length one first. Positive scores are proponents.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import UsageError


@dataclass(frozen=True)
class Method:
    """One row. `features` names the directory under `features/` that it needs."""

    name: str
    title: str
    features: str
    kernel: str
    unit: bool
    objective: str | None
    formula: str
    needs: str


D_TRAK = "d-trak"

METHODS: dict[str, Method] = {
    row.name: row
    for row in (
        Method(
            D_TRAK, "D-TRAK", "default", "ridge", False, "square",
            "phi(x)' (Phi'Phi + lambda I)^-1 phi_n, phi = P' grad ||eps_theta||^2 / d",
            "features of objective square",
        ),
        Method(
            "trak", "TRAK", "simple", "ridge", False, "simple",
            "phi(x)' (Phi'Phi + lambda I)^-1 phi_n, phi = P' grad L_Simple",
            "features of objective simple",
        ),
        Method(
            "gradient-dot", "Gradient dot product", "simple", "identity", False, "simple",
            "phi(x)' phi_n, phi = P' grad L_Simple", "features of objective simple",
        ),
        Method(
            "gradient-cosine", "Gradient cosine", "simple", "identity", True, "simple",
            "cos(phi(x), phi_n), phi = P' grad L_Simple", "features of objective simple",
        ),
        Method(
            "raw-pixel-dot", "Raw pixels (latents), dot product", "latents", "identity", False,
            None, "z(x)' z_n, z the latents", "latents of the works; no model",
        ),
        Method(
            "raw-pixel-cosine", "Raw pixels (latents), cosine", "latents", "identity", True,
            None, "cos(z(x), z_n), z the latents", "latents of the works; no model",
        ),
    )
}  # fmt: skip


def method(name: str) -> Method:
    """The row of this name, or a `UsageError` that lists them."""
    if name not in METHODS:
        raise UsageError(f"There is no method '{name}'. Choose one of: {', '.join(METHODS)}.")
    return METHODS[name]
