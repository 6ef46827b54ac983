"""EK-FAC against a dense F that explicit loops build in float64, and the laws that bind it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.attribution.features.ek_fac import DAMPING, EkFac, EkFacFit
from core.attribution.features.featurizer import Featurizer
from core.attribution.features.gradients import Examples, flatten, per_example_gradients
from core.attribution.features.objectives import objective
from core.attribution.features.spec import EK_FAC, FeatureSpec, ProjectionSpec
from core.attribution.features.timesteps import TimestepRule
from core.diffusion.pixel import PixelDDPM, residual_mlp, tiny_ddpm
from core.diffusion.protocol import DiffusionModel
from core.diffusion.training.base_model import random_stable_diffusion
from core.errors import UsageError

TIMES = torch.tensor([50, 400, 900])
WORKS, QUERIES = 4, 2


def mlp() -> PixelDDPM:
    tiny = residual_mlp(3, sample_size=2, in_channels=1, width=4, time_width=4, depth=1)
    model = PixelDDPM(tiny, tiny_ddpm().scheduler, name="mlp")
    model.unet.double()
    return model


def examples(model: DiffusionModel, count: int, seed: int) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    shape = model.latent_shape
    conditioning = model.condition(["a painting"] * count)
    return Examples(
        torch.randn(count, *shape, generator=generator, dtype=torch.float64),
        torch.randn(count, len(TIMES), *shape, generator=generator, dtype=torch.float64),
        TIMES,
        None if conditioning is None else conditioning.to(torch.float64),
    )


def gradients_by_loop(model: PixelDDPM, data: Examples, name: str) -> list[list[dict[str, Tensor]]]:
    """[work][row] -> parameter -> gradient of that row's objective, one backward at a time."""
    parameters = dict(model.unet.named_parameters())
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    every = []
    for n in range(len(data.latents)):
        rows = []
        for k, t in enumerate(data.timesteps):
            noise = data.noise[n, k : k + 1]
            noisy = model.schedule.add_noise(data.latents[n : n + 1], noise, t[None])
            value = objective(name)(
                model.predict_noise(noisy, t[None], None), noise, t[None], model.schedule
            )
            found = torch.autograd.grad(value.sum(), list(parameters.values()))
            rows.append(dict(zip(parameters, found, strict=True)))
        every.append(rows)
    return every


def fitted(model: DiffusionModel, data: Examples, name: str = "simple", rows: int = 3) -> EkFac:
    fit = EkFacFit(model, objective(name))
    fit.add_factors(data, rows)
    fit.add_squares(data)
    return fit.fitted()


def dense_scores(
    works: list[list[dict[str, Tensor]]], queries: list[list[dict[str, Tensor]]]
) -> np.ndarray:
    """sum over blocks of g_q' (F + delta I)^-1 g_n, with every F built as a dense matrix.

    Of a Linear layer that sees one position, G = s a' of a row holds both: s is the bias's gradient
    and a' = s' G / |s|^2, whatever computed them.
    """
    rows = [row for work in works for row in work]

    def mean(part: list[dict[str, Tensor]], block: str) -> np.ndarray:
        return np.mean([matrix(row, block) for row in part], axis=0)

    def matrix(row: dict[str, Tensor], block: str) -> np.ndarray:
        if block in row:
            return row[block].numpy().reshape(-1)
        bias = row[f"{block}.bias"].numpy()
        return np.column_stack([row[f"{block}.weight"].numpy(), bias])

    linear = {
        name.removesuffix(".weight")
        for name, value in rows[0].items()
        if name.endswith(".weight") and value.ndim == 2
    }
    others = {name for name in rows[0] if name.rpartition(".")[0] not in linear}
    total = np.zeros((len(queries), len(works)))
    for block in linear | others:
        samples = [matrix(row, block) for row in rows]
        if block in linear:
            inputs, outputs = 0.0, 0.0
            for whole in samples:
                s = whole[:, -1]
                a = s @ whole / (s @ s)
                inputs, outputs = inputs + np.outer(a, a), outputs + np.outer(s, s)
            basis = np.kron(np.linalg.eigh(outputs)[1], np.linalg.eigh(inputs)[1])
        else:
            basis = np.eye(samples[0].size)
        lambdas = np.zeros(basis.shape[1])
        for whole in samples:
            for j in range(len(lambdas)):
                lambdas[j] += float(basis[:, j] @ whole.reshape(-1)) ** 2 / len(samples)
        fisher = basis @ np.diag(lambdas) @ basis.T + DAMPING * lambdas.mean() * np.eye(len(basis))
        for m, query in enumerate(queries):
            for n, work in enumerate(works):
                solved = np.linalg.solve(fisher, mean(work, block).reshape(-1))
                total[m, n] += mean(query, block).reshape(-1) @ solved
    return total


@pytest.mark.parametrize("name", ["simple", "square"])
def test_products_of_mapped_gradients_are_dense_influences(name: str) -> None:
    model = mlp()
    works, queries = examples(model, WORKS, 0), examples(model, QUERIES, 1)
    ek_fac = fitted(model, works, name)
    mapped = [
        flatten(
            ek_fac.mapped(per_example_gradients(model, objective(name), data).by_parameter)
        ).numpy()
        for data in (works, queries)
    ]
    expected = dense_scores(
        gradients_by_loop(model, works, name), gradients_by_loop(model, queries, name)
    )
    np.testing.assert_allclose(mapped[1] @ mapped[0].T, expected, rtol=1e-9)


def test_a_lora_whose_layers_see_many_positions_has_its_mean_squares() -> None:
    """Lambda against G of the functional path, rotated by hand; factors chunked as rows are."""
    model = random_stable_diffusion(3, lora_rank=2)
    model.network.double()
    data = examples(model, 2, 5)
    fit = EkFacFit(model, objective("simple"))
    fit.add_factors(data, 2)
    whole = EkFacFit(model, objective("simple"))
    whole.add_factors(data, len(TIMES))
    fit.add_squares(data)
    ek_fac = fit.fitted()
    assert set(ek_fac.eigenvalues) == set(fit.layers)  # every parameter is a Linear layer's
    name = next(name for name in ek_fac.bases if ".lora_A" in name)
    basis = ek_fac.bases[name]
    for chunked, at_once in zip(fit._factors[name], whole._factors[name], strict=True):
        torch.testing.assert_close(chunked, at_once)
    total = torch.zeros_like(ek_fac.eigenvalues[name])
    for k in range(len(TIMES)):
        row = Examples(data.latents, data.noise[:, k : k + 1], TIMES[k : k + 1], data.conditioning)
        found = per_example_gradients(model, objective("simple"), row, "functional")
        for gradient in found.by_parameter[f"{name}.weight"]:
            total += (basis.outputs.T @ gradient @ basis.inputs).square()
    torch.testing.assert_close(
        ek_fac.eigenvalues[name], total / (2 * len(TIMES)), rtol=1e-5, atol=0
    )


def test_layers_that_nothing_flows_through_are_left_out_and_not_divided_by() -> None:
    """The down matrices of an untaught LoRA have no gradient: the up matrices are zero."""
    model = random_stable_diffusion(3, lora_rank=2)
    up = {name: p for name, p in model.attributed_parameters().items() if ".lora_B" in name}
    with torch.no_grad():
        for parameter in up.values():
            parameter.zero_()
    model.network.double()
    data = examples(model, 2, 5)
    mapped = fitted(model, data).mapped(
        per_example_gradients(model, objective("simple"), data).by_parameter
    )
    assert torch.isfinite(flatten(mapped)).all()
    assert all(not value.any() for name, value in mapped.items() if name not in up)
    assert all(value.any() for name, value in mapped.items() if name in up)


def test_no_influence_depends_on_the_scale_of_the_objective() -> None:
    """F grows with its square, so the map undoes it: L_2's gradient times c gives the same."""
    model = mlp()
    works = examples(model, WORKS, 0)
    gradients = per_example_gradients(model, objective("simple"), works).by_parameter
    plain = flatten(fitted(model, works).mapped(gradients))
    fit = EkFacFit(model, lambda *given: 7.0 * objective("simple")(*given))
    fit.add_factors(works, 3)
    fit.add_squares(works)
    scaled = flatten(fit.fitted().mapped({name: 7.0 * g for name, g in gradients.items()}))
    torch.testing.assert_close((scaled @ scaled.T), (plain @ plain.T))


def test_features_with_ek_fac_want_it_fitted() -> None:
    model = random_stable_diffusion(2)
    spec = FeatureSpec(
        objective="simple",
        timesteps=TimestepRule("uniform", 4),
        projection=ProjectionSpec("identity"),
        preconditioner=EK_FAC,
    )
    featurizer = Featurizer(model, spec)
    shape = model.latent_shape
    latents = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    prompts, ids = ["a painting"] * 3, ["a", "b", "c"]
    with pytest.raises(UsageError, match="fitted to the works before"):
        featurizer.features(latents, prompts, ids)
    assert len(list(featurizer.fit(latents, prompts, ids))) == 6
    features = featurizer.features(latents, prompts, ids).phi
    data = featurizer.examples(latents, prompts, ids, range(3))
    ek_fac = fitted(model, data, rows=4)
    expected = flatten(
        ek_fac.mapped(per_example_gradients(model, objective("simple"), data).by_parameter)
    )
    torch.testing.assert_close(
        (features @ features.T), (expected @ expected.T), rtol=1e-3, atol=1e-3
    )
    with pytest.raises(UsageError, match="no works"):
        EkFacFit(model, objective("simple")).fitted()
