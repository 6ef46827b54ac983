"""Features: a picture's latents and prompt -> phi = P^T (1/K) sum_t grad_theta f, and where the
spec names a preconditioner, P^T C of that mean with C fitted to the works.

On a processor one picture per pass, its K timesteps in the batch: the arithmetic is the same
whatever else is traced, so no number depends on batch order or size. On a GPU as many as fit. Knows
no store and no collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from core.attribution.features.batch_size import Pass, plan_pass
from core.attribution.features.ek_fac import EkFac, EkFacFit
from core.attribution.features.gradients import (
    Examples,
    Gradients,
    by_group,
    per_example_gradients,
)
from core.attribution.features.noise import noise_for
from core.attribution.features.objectives import objective, of_answer
from core.attribution.features.projection import projection
from core.attribution.features.spec import NO_PRECONDITIONER, FeatureSpec
from core.diffusion.protocol import DiffusionModel
from core.diffusion.tensors import AUTO, chosen_precision
from core.errors import ModelError, UsageError
from core.progress import Progress

LATENTS = "latents"


@dataclass(frozen=True, eq=False)
class Features:
    """`phi [b, k]` and `losses [b]`, the mean denoising loss over the same timesteps and noise.

    `row_losses [b, r]`: the losses one by one, where they were made just now (none are stored).
    """

    phi: Tensor
    losses: Tensor
    row_losses: Tensor | None = None

    @classmethod
    def stack(cls, parts: Sequence[Features]) -> Features:
        """Several tables as one, in order."""
        rows = [part.row_losses for part in parts if part.row_losses is not None]
        return cls(
            torch.cat([part.phi for part in parts]),
            torch.cat([part.losses for part in parts]),
            torch.cat(rows) if len(rows) == len(parts) else None,
        )


@dataclass(frozen=True)
class Means:
    """What a pass may take and how it computes; no number depends on it but by round-off.

    `budget`: bytes (None: most of what is free). `precision`: of the network on a GPU; gradients
    are summed in float32 always.
    """

    budget: int | None = None
    precision: str = AUTO


PLAIN = Means()


class Featurizer:
    """A model and a spec, ready to turn latents into features; one seam for works and queries."""

    def __init__(
        self,
        model: DiffusionModel,
        spec: FeatureSpec,
        path: str = "auto",
        means: Means = PLAIN,
    ) -> None:
        if spec.dtype not in ("float32", "float64"):
            raise UsageError(f"Features in {spec.dtype} are not made: use float32 or float64.")
        self.model = model
        self.spec = spec
        self.path = path
        self.budget = means.budget
        self.precision = chosen_precision(means.precision, model.device)
        # latents are a representation too, of pixel baselines: no gradient, no projection
        self._objective = None if spec.objective == LATENTS else objective(spec.objective)
        self._projection = projection(spec.projection)
        kept = spec.timesteps.timesteps(model.schedule.length)
        self._times = [t for t in kept for _ in range(spec.noise.draws)]
        self._steps = kept
        self._pass: Pass | None = None
        self._preconditioner: EkFac | None = None

    def fit(
        self,
        latents: Tensor,
        prompts: Sequence[str],
        content_ids: Sequence[str],
        positions: Sequence[int] | None = None,
    ) -> Iterator[Progress]:
        """Fit the preconditioner that the spec names to the works `[n, c, h, w]`: two rounds over
        them, of a pass per work and of a pass per timestep. A spec without one needs no fit."""
        if self.spec.preconditioner == NO_PRECONDITIONER:
            return
        if self._objective is None:
            raise UsageError("Latents have no gradient: there is no preconditioner to fit.")
        places = list(range(len(latents)) if positions is None else positions)
        fit = EkFacFit(self.model, self._objective, self.path)
        rows = self._planned(latents, prompts, content_ids, places).rows
        for what in ("factors", "eigenvalues"):
            for at in range(len(latents)):
                one = slice(at, at + 1)
                examples = self.examples(latents[one], prompts[one], content_ids[one], places[one])
                with self.casting():
                    if what == "factors":
                        fit.add_factors(examples, rows)
                    else:
                        fit.add_squares(examples)
                yield Progress(f"Fitting EK-FAC's {what}", at + 1, len(latents))
        self._preconditioner = fit.fitted()

    def features(
        self,
        latents: Tensor,
        prompts: Sequence[str],
        content_ids: Sequence[str],
        positions: Sequence[int] | None = None,
    ) -> Features:
        """`latents [b, c, h, w]`, each with a prompt and a content digest -> `[b, k]`.

        `positions`: places in the whole list (None: in this one), which only `cycle` noise reads.
        Raises `UsageError` where not even one row fits into memory, `ModelError` for an overflow.
        """
        places = list(range(len(latents)) if positions is None else positions)
        if self._objective is None:
            rows = latents.flatten(1).cpu().to(getattr(torch, self.spec.dtype))
            return Features(rows, torch.zeros(len(latents), dtype=torch.float64))
        parts = []
        start = 0
        while start < len(latents):
            stop = start + self._planned(latents, prompts, content_ids, places).pictures
            examples = self.examples(
                latents[start:stop],
                prompts[start:stop],
                content_ids[start:stop],
                places[start:stop],
            )
            try:
                parts.append(self.of_examples(examples))
            except torch.OutOfMemoryError:
                assert self._pass is not None
                self._pass = self._pass.smaller()
                torch.cuda.empty_cache()
                continue
            start = stop
        return Features.stack(parts)

    @property
    def together(self) -> int:
        """How many pictures a pass takes, as far as it is known yet."""
        return 1 if self._pass is None else self._pass.pictures

    def _planned(
        self, latents: Tensor, prompts: Sequence[str], ids: Sequence[str], places: Sequence[int]
    ) -> Pass:
        """How many pictures and rows per pass; measured once, on the first picture."""
        if self._pass is None:
            assert self._objective is not None
            first = self.examples(latents[:1], prompts[:1], ids[:1], places[:1])
            with self.casting():
                self._pass = plan_pass(self.model, self._objective, first, self.budget)
        return self._pass

    def examples(
        self,
        latents: Tensor,
        prompts: Sequence[str],
        content_ids: Sequence[str],
        positions: Sequence[int],
    ) -> Examples:
        """Pictures `[b, c, h, w]` with their noise, timesteps and conditioning."""
        weight = next(iter(self.model.attributed_parameters().values()))
        noise = noise_for(
            self.spec.noise, self._steps, content_ids, positions, self.model.latent_shape
        )
        return Examples(
            latents.to(weight.device, weight.dtype),
            noise.to(weight.device, weight.dtype),
            torch.tensor(self._times, device=weight.device),
            self.model.condition(prompts),
            of_answer(self.spec.objective),
        )

    def of_examples(self, examples: Examples) -> Features:
        """Pictures that bring their own noise and timesteps -> `[b, k]`.

        Raises `ModelError` where a number overflowed.
        """
        gradients = self._gradients(examples)
        losses = gradients.row_losses.cpu().double()
        phi = self._projected(gradients.by_parameter)
        return Features(phi, gradients.losses.cpu().double(), losses)

    def group_features(
        self,
        latents: Tensor,
        prompts: Sequence[str],
        content_ids: Sequence[str],
        positions: Sequence[int],
    ) -> dict[str, Tensor]:
        """Group of parameters -> `[b, k]`, the feature of that part of the gradient alone: they sum
        up to the pictures' features. As `features`, all pictures in one pass."""
        self._planned(latents, prompts, content_ids, positions)
        examples = self.examples(latents, prompts, content_ids, positions)
        groups = by_group(self._gradients(examples).by_parameter)
        return {group: self._projected(gradients) for group, gradients in groups.items()}

    def _gradients(self, examples: Examples) -> Gradients:
        """With the preconditioner, before the projection."""
        if self._objective is None:
            raise UsageError("Latents have no gradient: give an objective to trace examples.")
        preconditioned = self.spec.preconditioner != NO_PRECONDITIONER
        if preconditioned and self._preconditioner is None:
            raise UsageError(
                f"Features with '{self.spec.preconditioner}' need it fitted to the works before, "
                "and only `python -m app evaluate` does that. Choose features without."
            )
        rows = None if self._pass is None else self._pass.rows
        with self.casting():
            gradients = per_example_gradients(
                self.model,
                self._objective,
                examples,
                self.path,
                rows,
                normalised=self.spec.normalised,
            )
        if self._preconditioner is None:
            return gradients
        mapped = self._preconditioner.mapped(gradients.by_parameter)
        return Gradients(mapped, gradients.row_losses)

    def _projected(self, gradients: dict[str, Tensor]) -> Tensor:
        phi = self._projection.project(gradients)
        if not torch.isfinite(phi).all():
            raise ModelError(
                f"A gradient of the model '{self.model.name}' is not finite in {self.precision}. "
                "Use --precision float32; if it stays so, the model's weights are damaged."
            )
        return phi.cpu().to(getattr(torch, self.spec.dtype))

    def casting(self) -> AbstractContextManager[object]:
        """The network in half precision where that was chosen."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.model.device.type, getattr(torch, self.precision))
