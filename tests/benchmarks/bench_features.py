"""What features cost: against a plain training step of the same work, and the reference's way."""

from __future__ import annotations

import torch
from PIL import Image
from torch.func import functional_call, grad, vmap

from core.attribution.engine import Engine
from core.attribution.features.featurizer import Featurizer
from core.attribution.features.projection import DenseGaussian
from core.collection.types import Collection, class_prompt
from core.diffusion.tensors import image_to_tensor
from tests.benchmarks.conftest import Measure, side_by_side


class OneWork:
    """One training work, ready: its latents, and its K noisy rows."""

    def __init__(self, engine: Engine, embedded: Collection) -> None:
        work = embedded.works[0]
        with Image.open(embedded.image_path(work)) as image:
            pixels = image_to_tensor(image, embedded.image_size)
        self.featurizer = Featurizer(engine.model, engine.spec)
        self.latents = engine.model.encode(pixels[None])
        self.prompts = [class_prompt(work.style)]
        self.rows = self.featurizer.examples(self.latents, self.prompts, ["x"], [0])

    def features(self) -> None:
        """What is measured."""
        self.featurizer.features(self.latents, self.prompts, ["x"])


def bench_features_cost(engine: Engine, embedded: Collection, measure: Measure) -> None:
    work, model = OneWork(engine, embedded), engine.model
    latents, data = work.latents, work.rows
    parameters = list(model.attributed_parameters().values())
    noise, times = data.noise[0], data.timesteps
    noisy = model.schedule.add_noise(latents.expand_as(noise), noise, times)
    assert data.conditioning is not None
    conditioning = data.conditioning.repeat_interleave(len(times))

    def plain() -> None:
        for parameter in parameters:
            parameter.requires_grad_(True)
        loss = model.predict_noise(noisy, times, conditioning).square().mean()
        torch.autograd.grad(loss, parameters)

    step, features = side_by_side([plain, work.features], rounds=9)
    measure(
        "features_cost",
        features / step,
        1.15,
        higher_is_better=False,
        detail=f"features {features:.3f} s, forward+backward {step:.3f} s, one work, K = 10",
    )


def bench_features_against_reference(
    engine: Engine, embedded: Collection, measure: Measure
) -> None:
    work, model = OneWork(engine, embedded), engine.model
    latents, data = work.latents, work.rows
    values = {name: p.detach() for name, p in model.attributed_parameters().items()}
    dense = DenseGaussian(engine.spec.projection.dimension, 0)
    network = model.network
    assert data.conditioning is not None
    text = data.conditioning.text

    def one_timestep(place: int) -> dict[str, torch.Tensor]:
        """vmap(grad) of one timestep's objective, as the reference loops over them."""
        t, noise = data.timesteps[place : place + 1], data.noise[0, place]

        def objective(
            parameters: dict[str, torch.Tensor], x: torch.Tensor, embeddings: torch.Tensor
        ) -> torch.Tensor:
            noisy = model.schedule.add_noise(x[None], noise[None], t)
            answer = functional_call(
                network,
                parameters,
                (noisy, t),
                {
                    "encoder_hidden_states": embeddings[None],
                    "return_dict": False,
                },
            )[0]
            return model.schedule.to_noise(answer, noisy, t).square().mean()

        return vmap(grad(objective), (None, 0, 0))(values, latents, text)

    def reference() -> None:
        total = one_timestep(0)
        for place in range(1, len(data.timesteps)):
            for name, value in one_timestep(place).items():
                total[name] = total[name] + value
        dense.project({name: value / len(data.timesteps) for name, value in total.items()})

    slow, fast = side_by_side([reference, work.features], rounds=3)
    measure(
        "features_against_reference",
        slow / fast,
        5.0,
        higher_is_better=True,
        detail=f"reference {slow:.2f} s, ours {fast:.3f} s, one work, same k",
    )
