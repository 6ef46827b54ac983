"""What only a GPU can show: throughput at full size, agreement with the processor, scoring.

`make bench ONLY=gpu`; without a GPU each says that it was not run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from torch.utils.flop_counter import FlopCounterMode

from app.settings import EMBEDDED
from core.attribution.features.featurizer import Featurizer, Means
from core.attribution.features.quantization import Packed
from core.attribution.features.spec import SPECS, FeatureSpec, ProjectionSpec
from core.collection.types import Collection, class_prompt
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.tensors import image_to_tensor
from tests.benchmarks.bench_full_size import DIMENSION, SIDE, full_size
from tests.benchmarks.conftest import Measure

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="not run: there is no GPU here"
)
GPU = "cuda"
WORKS = 256


def seconds(job: Callable[[], object], rounds: int = 5) -> float:
    """The median, after one round to warm up, with the GPU's queue empty at both ends."""
    times = []
    for number in range(rounds + 1):
        torch.cuda.synchronize()
        began = time.perf_counter()
        job()
        torch.cuda.synchronize()
        if number:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def bench_gpu_full_size(measure: Measure) -> None:
    model = full_size(GPU)
    featurizer = Featurizer(model, FeatureSpec(projection=ProjectionSpec(dimension=DIMENSION)))
    latents = torch.randn(WORKS, 4, SIDE // 8, SIDE // 8)
    prompts, ids = ["a cubism painting"] * WORKS, [str(number) for number in range(WORKS)]
    featurizer.features(latents[:64], prompts[:64], ids[:64])  # finds its batch, draws the sketch
    with FlopCounterMode(display=False) as counted:
        featurizer.features(latents[:1], prompts[:1], ids[:1])
    took = seconds(lambda: featurizer.features(latents, prompts, ids), rounds=3)
    a_second = WORKS / took
    big = torch.randn(8192, 8192, device=GPU, dtype=torch.bfloat16)
    rate = 2 * 8192**3 / seconds(lambda: big @ big)
    used = counted.get_total_flops() * a_second / rate
    name = torch.cuda.get_device_name()
    measure(
        "gpu_images_a_second",
        a_second,
        30.0,
        higher_is_better=True,
        detail=f"{name}, {featurizer.together} pictures a pass, {featurizer.precision}",
    )
    measure(
        "gpu_share_of_matrix_rate",
        used,
        0.4,
        higher_is_better=True,
        detail=f"of {rate / 1e12:.0f} Tflop/s in bfloat16, measured",
    )
    measure(
        "gpu_minutes_for_5000",
        5000 / a_second / 60,
        3.0,
        higher_is_better=False,
        detail="at that rate, latents at hand",
    )


def bench_gpu_agreement(embedded: Collection, measure: Measure) -> None:
    works = embedded.works[:24]
    phi: dict[str, torch.Tensor] = {}
    for device, precision in (("cpu", "float32"), (GPU, "float32"), (GPU, "bfloat16")):
        model = PipelineModel.load(EMBEDDED / "model", EMBEDDED / "lora", device=device)
        featurizer = Featurizer(model, SPECS["default"], means=Means(precision=precision))
        latents = []
        for work in works:
            with Image.open(embedded.image_path(work)) as image:
                pixels = image_to_tensor(image, embedded.image_size)
            latents.append(model.encode(pixels[None]).cpu())
        features = featurizer.features(
            torch.cat(latents),
            [class_prompt(work.style) for work in works],
            [work.sha256 for work in works],
        )
        phi[f"{device} {precision}"] = features.phi
    exact = phi["cpu float32"]
    products = (exact @ exact.T).flatten().numpy()
    for name, bar in ((f"{GPU} float32", 1e-3), (f"{GPU} bfloat16", 5e-2)):
        error = float((phi[name] - exact).norm() / exact.norm())
        alike = spearmanr((phi[name] @ exact.T).flatten().numpy(), products).statistic
        measure(
            f"gpu_features_error: {name}",
            error,
            bar,
            higher_is_better=False,
            detail=f"relative to the processor's; rank correlation of products {alike:.6f}",
        )


@pytest.mark.parametrize(("count", "dimension"), [(5_000, 32_768), (1_000_000, 4_096)])
def bench_gpu_scoring(count: int, dimension: int, measure: Measure) -> None:
    values = torch.randint(-127, 128, (count, dimension), dtype=torch.int8, device=GPU)
    rows = Packed(values, torch.ones(count, device=GPU))
    query = torch.randn(dimension, device=GPU)
    into = torch.empty_like(values)
    copy = seconds(lambda: into.copy_(values)) / 2  # a copy reads and writes
    score = seconds(lambda: rows.products(query))
    here = Packed(values[:500].cpu(), torch.ones(500)).products(query.cpu())
    np.testing.assert_allclose(rows.products(query)[:500].cpu().numpy(), here.numpy(), rtol=1e-5)
    measure(
        f"gpu_scoring_{count}x{dimension}",
        copy / score,
        0.7,
        higher_is_better=True,
        detail=f"share of copy bandwidth; {score * 1e3:.2f} ms",
    )
