"""Every attribution method as a row of choices; a method is never a copy of another.

representation: which vectors, `normalised` timestep by timestep or not, multiplied by a
preconditioner or not; kernel: how a work's vector becomes a row; scales: what is brought to length
one; stack: of how many models the mean is taken; query: which picture is the query. Positive scores
are proponents.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.attribution.features.spec import EK_FAC, NO_PRECONDITIONER, PRECONDITIONERS
from core.errors import UsageError

REPRESENTATIONS = (
    "simple",
    "square",
    "average",
    "l1",
    "l2",
    "linf",
    "elbo",
    "eta=0.8",
    "latents",
    "clip",
    "outcomes",
)
KERNELS = (
    "identity",
    "ridge",
    "leverage",
    "difference",
    "regression",
    "regression-lasso",
    "gaussian",
)
WORKS_SCALES = ("none", "row", "feature")  # divide row n by nothing, |W_n| or |phi_n|
QUERY_SCALES = ("none", "unit")
STACKS = ("final", "checkpoints", "members")
QUERIES = ("example", "trajectory", "renoised")


@dataclass(frozen=True)
class Method:
    """One row: score_n(x) = (W q(x))_n, with W `[n, k]` from the works' vectors by `kernel`.

    `identity`: W = Phi; `ridge`: W = Phi (Phi'Phi + lambda I)^-1; `leverage`: the ridge row times
    r_n / (1 - h_n); `difference` and the regressions: from outcomes of retrained models;
    `gaussian`: no rows, exp(-d^2 / 4) of the distance d between the vectors. squared: the product
    is squared, so that no score is negative. normalised, preconditioner: as `FeatureSpec` has them.
    `served`: whether the studio can answer with it, given its features.
    """

    name: str
    title: str
    representation: str
    kernel: str
    formula: str
    cost: str
    needs: str
    works_scale: str = "none"
    query_scale: str = "none"
    stack: str = "final"
    query: str = "example"
    squared: bool = False
    normalised: bool = False
    preconditioner: str = NO_PRECONDITIONER

    def __post_init__(self) -> None:
        interpolated = self.representation.startswith("eta=")
        for value, known in (
            ("eta=0.8" if interpolated else self.representation, REPRESENTATIONS),
            (self.kernel, KERNELS),
            (self.works_scale, WORKS_SCALES),
            (self.query_scale, QUERY_SCALES),
            (self.stack, STACKS),
            (self.query, QUERIES),
            (self.preconditioner, PRECONDITIONERS),
        ):
            if value not in known:
                raise UsageError(f"'{value}' is not one of: {', '.join(known)}.")

    @property
    def features(self) -> str:
        """The directory under `features/` that holds its works' vectors."""
        if self.normalised:
            return f"{self.representation}-normalised"
        return "default" if self.representation == "square" else self.representation

    @property
    def objective(self) -> str | None:
        """The objective whose gradient is the vector; None where no gradient is taken."""
        plain = self.representation in ("latents", "clip", "outcomes")
        return None if plain else self.representation

    @property
    def plain_ridge(self) -> bool:
        """Whether its rows are Phi (Phi'Phi + lambda I)^-1, with nothing scaled or squared."""
        plain = self.works_scale == self.query_scale == "none" and not self.squared
        return self.kernel == "ridge" and plain

    @property
    def served(self) -> bool:
        """One model, one picture, one product: what the studio answers at once. A preconditioner is
        fitted to the works, and features on the disk do not keep it."""
        linear = self.kernel in ("identity", "ridge", "leverage")
        kept = self.preconditioner == NO_PRECONDITIONER
        return linear and kept and self.stack == "final" and self.query == "example"

    @property
    def row_by_row(self) -> bool:
        """Whether its features cost a pass per timestep, instead of one for all."""
        return self.normalised or self.preconditioner != NO_PRECONDITIONER


D_TRAK = "d-trak"

_RIDGE = "φ(x)ᵀ (ΦᵀΦ + λI)⁻¹ φₙ"
_ONE = "one backward pass per work and per query (K timesteps in the batch)"
_EACH = "K backward passes per work and per query, a timestep each"


def _d_trak(name: str, title: str, representation: str, output: str) -> Method:
    return Method(
        name,
        title,
        representation,
        "ridge",
        f"{_RIDGE}, φ = Pᵀ∇{output}",
        _ONE,
        f"features of objective {representation}",
    )


def _normalised(name: str, title: str, representation: str, output: str) -> Method:
    return Method(
        name,
        title,
        representation,
        "ridge",
        f"{_RIDGE}, φ = Pᵀ mean over t of ∇{output} / |∇{output}|: every timestep counts alike",
        _EACH,
        f"features `{representation}-normalised`: objective {representation}, normalised",
        normalised=True,
    )


def _ek_fac(name: str, title: str, representation: str, output: str) -> Method:
    return Method(
        name,
        title,
        representation,
        "identity",
        f"g(x)ᵀ (F + δI)⁻¹ gₙ, g = ∇{output}, F = (U_S ⊗ U_A) diag(Λ) (U_S ⊗ U_A)ᵀ per Linear "
        "layer, diag(Λ) of other parameters, δ = 0.1 mean(Λ) of each",
        f"{_ONE}, and before them 1 + K passes per work to fit F",
        "Kronecker factors of all works' gradients, which `evaluate` fits and nothing keeps",
        preconditioner=EK_FAC,
    )


METHODS: dict[str, Method] = {
    row.name: row
    for row in (
        _d_trak(D_TRAK, "D-TRAK", "square", "||ε_θ||² / d"),
        _d_trak("d-trak-avg", "D-TRAK, L_Avg", "average", "mean(ε_θ)"),
        _d_trak("d-trak-l1", "D-TRAK, L_1", "l1", "||ε_θ||_1"),
        _d_trak("d-trak-l2", "D-TRAK, L_2", "l2", "||ε_θ||_2"),
        _d_trak("d-trak-linf", "D-TRAK, L_inf", "linf", "||ε_θ||_inf"),
        _d_trak("d-trak-elbo", "D-TRAK, L_ELBO", "elbo", "w_t ||ε_θ − ε||² / d"),
        _d_trak(
            "d-trak-eta",
            "D-TRAK, interpolated (η = 0.8)",
            "eta=0.8",
            "(η L_Square + (1 − η)(L_Simple − L_Square))",
        ),
        _d_trak("trak", "TRAK", "simple", "L_Simple"),
        _normalised("d-trak-normalised", "D-TRAK, timesteps normalised", "square", "||ε_θ||² / d"),
        _normalised("trak-normalised", "TRAK, timesteps normalised", "simple", "L_Simple"),
        _normalised(
            "d-trak-avg-normalised", "D-TRAK, L_Avg, timesteps normalised", "average", "mean(ε_θ)"
        ),
        _ek_fac("ek-fac", "EK-FAC influence", "simple", "L_Simple"),
        _ek_fac("ek-fac-square", "EK-FAC, L_Square", "square", "||ε_θ||² / d"),
        _ek_fac("ek-fac-avg", "EK-FAC, L_Avg", "average", "mean(ε_θ)"),
        Method(
            "gradient-dot",
            "Gradient dot product",
            "simple",
            "identity",
            "φ(x)ᵀ φₙ, φ = Pᵀ∇L_Simple",
            _ONE,
            "features of objective simple",
        ),
        Method(
            "gradient-cosine",
            "Gradient cosine",
            "simple",
            "identity",
            "cos(φ(x), φₙ), φ = Pᵀ∇L_Simple",
            _ONE,
            "features of objective simple",
            works_scale="feature",
            query_scale="unit",
        ),
        Method(
            "tracin-cp",
            "TracInCP",
            "simple",
            "identity",
            "mean over checkpoints c of φ_c(x)ᵀ φₙ,c",
            "C x a gradient method",
            "features of objective simple at C checkpoints",
            stack="checkpoints",
        ),
        Method(
            "gas",
            "GAS",
            "simple",
            "identity",
            "mean over checkpoints c of cos(φ_c(x), φₙ,c)",
            "C x a gradient method",
            "features of objective simple at C checkpoints",
            works_scale="feature",
            query_scale="unit",
            stack="checkpoints",
        ),
        Method(
            "relative-influence",
            "Relative influence",
            "simple",
            "ridge",
            f"{_RIDGE} / ||(ΦᵀΦ + λI)⁻¹ φₙ||",
            _ONE,
            "features of objective simple",
            works_scale="row",
        ),
        Method(
            "renormalised-influence",
            "Renormalised influence",
            "simple",
            "ridge",
            f"{_RIDGE} / ||φₙ||",
            _ONE,
            "features of objective simple",
            works_scale="feature",
        ),
        Method(
            "journey-trak",
            "Journey TRAK (x_t on the path)",
            "simple",
            "ridge",
            f"{_RIDGE}, φ(x) = mean over the sampling path of Pᵀ∇L_Simple at its own x_t",
            "one backward pass per step of the path",
            "the query's seed and prompt",
            query="trajectory",
        ),
        Method(
            "journey-trak-renoised",
            "Journey TRAK (x0 noised again)",
            "simple",
            "ridge",
            f"{_RIDGE}, φ(x) = mean over the sampling path of Pᵀ∇L_Simple at noised x0_t",
            "one backward pass per step of the path",
            "the query's seed and prompt",
            query="renoised",
        ),
        Method(
            "trak-ensemble",
            "TRAK, ensemble",
            "simple",
            "ridge",
            f"mean over S models of {_RIDGE}",
            "S x TRAK and S trainings",
            "features of objective simple of S retrained models",
            stack="members",
        ),
        Method(
            "d-trak-ensemble",
            "D-TRAK, ensemble",
            "square",
            "ridge",
            f"mean over S models of {_RIDGE}, φ = Pᵀ∇||ε_θ||² / d",
            "S x D-TRAK and S trainings",
            "features of objective square of S retrained models",
            stack="members",
        ),
        Method(
            "das",
            "DAS (ranks only)",
            "average",
            "leverage",
            f"({_RIDGE} rₙ / (1 − hₙ))², φ = Pᵀ∇mean(ε_θ), rₙ² = L_Simple(n), "
            "hₙ = φₙᵀ (ΦᵀΦ + λI)⁻¹ φₙ; never negative: it names no opponents",
            _ONE,
            "features of objective average, and each work's residual",
            squared=True,
        ),
        Method(
            "l-avg-squared",
            "L_Avg, squared (ranks only)",
            "average",
            "ridge",
            f"({_RIDGE})², φ = Pᵀ∇mean(ε_θ): DAS without residual and leverage; never negative: it "
            "names no opponents",
            _ONE,
            "features of objective average",
            squared=True,
        ),
        Method(
            "raw-pixel-dot",
            "Raw pixels (latents), dot product",
            "latents",
            "identity",
            "z(x)ᵀ zₙ, z the latents",
            "none but encoding",
            "latents of the works; no model",
        ),
        Method(
            "raw-pixel-cosine",
            "Raw pixels (latents), cosine",
            "latents",
            "identity",
            "cos(z(x), zₙ), z the latents",
            "none but encoding",
            "latents of the works; no model",
            works_scale="feature",
            query_scale="unit",
        ),
        Method(
            "raw-pixel-gaussian",
            "Raw pixels (latents), exp(−d²/4)",
            "latents",
            "gaussian",
            "exp(−(d(x, n)² − min d²)/4), d the distance of the latents, min over the works",
            "none but encoding",
            "latents of the works; no model",
        ),
        Method(
            "clip-dot",
            "CLIP, dot product",
            "clip",
            "identity",
            "c(x)ᵀ cₙ, c CLIP's image embedding",
            "one forward pass of CLIP",
            "a CLIP vision model",
        ),
        Method(
            "clip-cosine",
            "CLIP, cosine",
            "clip",
            "identity",
            "cos(c(x), cₙ), c CLIP's image embedding",
            "one forward pass of CLIP",
            "a CLIP vision model",
            works_scale="feature",
            query_scale="unit",
        ),
        Method(
            "empirical-influence",
            "Empirical influence",
            "outcomes",
            "difference",
            "mean loss of x over models trained without n, minus over those trained with n",
            "S trainings",
            "S models retrained on random halves",
        ),
        Method(
            "datamodel",
            "Datamodel, ridge",
            "outcomes",
            "regression",
            "minus the coefficient of n in the ridge regression of the loss of x on who was in",
            "S trainings",
            "S models retrained on random halves",
        ),
        Method(
            "datamodel-lasso",
            "Datamodel, LASSO",
            "outcomes",
            "regression-lasso",
            "minus the coefficient of n in the LASSO regression of the loss of x on who was in",
            "S trainings",
            "S models retrained on random halves",
        ),
    )
}


def method(name: str) -> Method:
    """The row of this name, or a `UsageError` that lists them."""
    if name not in METHODS:
        raise UsageError(f"There is no method '{name}'. Choose one of: {', '.join(METHODS)}.")
    return METHODS[name]
