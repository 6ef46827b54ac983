"""The benchmarks by name: which pictures, which model, which recipe, how many subsets.

The small ones run on two cores. The others are the paper's, at its scale (specification of D-TRAK,
section 5): a machine with a GPU, and the data at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.attribution.features.spec import NoiseRule, ProjectionSpec
from core.attribution.features.timesteps import TimestepRule
from core.diffusion.sampling import Sampler
from core.diffusion.training.loop import Recipe
from core.diffusion.training.lora import PAPER_LORA
from core.errors import UsageError
from core.evaluation.models import FlowPlan, LoraPlan, MlpPlan, Plan, UnetPlan

DIGITS, PHOTOGRAPHS, COLLECTION = "digits", "photographs", "collection"

HUNDRED = TimestepRule("uniform", 100)
OWN_NOISE = NoiseRule("independent", seed=7_919)


@dataclass(frozen=True)
class OutcomeRule:
    """How a retrained model's loss of a picture is measured: over which timesteps, with which
    noise (of its own, never the features'), and of how many training works too (out/in)."""

    timesteps: TimestepRule = HUNDRED
    noise: NoiseRule = OWN_NOISE
    works: int = 200


OUTCOME, FIFTY_STEPS, IDENTITY = (
    OutcomeRule(),
    Sampler(steps=50, guidance=1.0, clip=True),
    ProjectionSpec("identity"),
)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One benchmark. `recipe.steps` is ignored: `epochs` counts, over the works of each training.

    subsets: random halves by work, each trained with `seeds` seeds, the first `twice` of them with
    one more, for the noise ceiling. by_artist: further subsets, by artist. removals: how often,
    each time with another seed, the model is trained on all works and on all but one artist's (0:
    not at all); a folder takes more of them later. retrained: models of another pool, for the
    retraining baselines and ensembles. checkpoints: of the full model, kept evenly over its
    training.
    """

    name: str
    title: str
    source: str
    plan: Plan
    recipe: Recipe
    epochs: int
    works: int  # of a collection: of each artist, or of each class
    validation: int
    generated: int
    subsets: int
    size: int = 0  # of a collection: its own
    classes: tuple[str, ...] = ()
    each: str = "artist"
    seeds: int = 1
    twice: int = 0
    by_artist: int = 0
    removals: int = 0
    retrained: int = 64
    checkpoints: int = 4
    crop: int = 0  # photographs: a square of the middle, before they are brought to `size`
    apart: bool = False  # photographs: validation from the source's own test split
    data_seed: int = 0
    full_seed: int = 42
    outcome: OutcomeRule = OUTCOME
    sampler: Sampler = FIFTY_STEPS
    projection: ProjectionSpec = IDENTITY
    timesteps: tuple[int, ...] = (10, 100)
    needs_gpu: bool = False

    def steps(self, works: int) -> int:
        """Steps of a training over so many works."""
        return self.epochs * -(-works // self.recipe.batch_size)

    def recipe_for(self, works: int, seed: int) -> Recipe:
        """The recipe of one training; a tenth of it warms up."""
        steps = self.steps(works)
        return replace(self.recipe, steps=steps, warmup=-(-steps // 10), seed=seed)


# one noise and one start for all subsets of a seed, each work once per epoch, no average
PLAIN = Recipe(
    steps=0,
    learning_rate=2e-3,
    betas=(0.95, 0.999),
    prompt_dropout=0.0,
    order="epochs",
    times="uniform",
    floor=0.0,
    checkpoint_every=500,
)
# to_out: a dropout that the reference's version of diffusers did not have
PAPER = replace(
    PLAIN,
    batch_size=128,
    learning_rate=1e-4,
    flip=True,
    dropout=0.1,
    dropout_not="to_out",
    checkpoint_every=1000,
)
SMALL_LORA = replace(
    PLAIN, batch_size=12, learning_rate=5e-3, prompt_dropout=0.1, checkpoint_every=40
)
PAPER_STEPS = Sampler(steps=50, guidance=1.0, clip=True, spacing="leading")
PAPER_LORA_STEPS = Sampler(steps=50, guidance=7.5, spacing="leading", offset=1)
RANK_128 = LoraPlan(128, "gaussian")
CIFAR_UNET = UnetPlan(channels=(128, 256, 256, 256), attention=(1,))
CELEBA_UNET = UnetPlan(
    channels=(128, 128, 256, 256, 512, 512),
    attention=(4,),
    head_width=8,
    epsilon=1e-5,
    flip_sin_to_cos=True,
)
EVERY_TIMESTEP = OutcomeRule(
    TimestepRule("uniform", 1000), NoiseRule("shared", seed=7_919, draws=3), works=1000
)

ARTBENCH_5 = ("ukiyo-e", "post-impressionism", "romanticism", "renaissance", "baroque")

DIGITS_SMALL = Preset(
    name="digits-small",
    title="Handwritten digits, a small MLP",
    source=DIGITS,
    plan=MlpPlan(),
    recipe=replace(PLAIN, batch_size=50),
    epochs=1500,
    works=100,
    validation=50,
    generated=50,
    subsets=64,
    twice=8,
    size=8,
    sampler=Sampler(steps=250, guidance=1.0, eta=1.0, clip=True),
)

WORKSHOPS = Preset(
    name="workshops",
    title="A collection's LoRA, retrained without half of it",
    source=COLLECTION,
    plan=LoraPlan(32),
    recipe=SMALL_LORA,
    epochs=100,
    works=2,
    validation=24,
    generated=24,
    subsets=20,
    by_artist=20,
    twice=4,
    retrained=8,
    outcome=OutcomeRule(TimestepRule("uniform", 20), works=16),
    sampler=Sampler(steps=20, guidance=2.0),
    projection=ProjectionSpec(),
    timesteps=(10,),
)

CIFAR2 = Preset(
    name="cifar2",
    title="CIFAR-2 as in the paper",
    source=PHOTOGRAPHS,
    plan=CIFAR_UNET,
    recipe=PAPER,
    epochs=200,
    works=5000,
    validation=1000,
    generated=1000,
    subsets=64,
    size=32,
    classes=("automobile", "horse"),
    seeds=3,
    retrained=512,
    outcome=EVERY_TIMESTEP,
    apart=True,
    sampler=PAPER_STEPS,
    projection=ProjectionSpec("sjlt", 32768),
    needs_gpu=True,
)

ARTBENCH2 = Preset(
    name="artbench2",
    title="ArtBench-2, a LoRA of rank 128, as in the paper",
    source=COLLECTION,
    plan=RANK_128,
    recipe=PAPER_LORA,
    epochs=100,
    works=2500,
    each="class",
    validation=1000,
    generated=1000,
    subsets=64,
    seeds=3,
    retrained=512,
    outcome=EVERY_TIMESTEP,
    classes=ARTBENCH_5[:2],
    sampler=PAPER_LORA_STEPS,
    projection=ProjectionSpec("sjlt", 32768),
    needs_gpu=True,
)

WORKSHOPS_FLOW = replace(
    WORKSHOPS,
    name="workshops-flow",
    title="A collection's works, a small flow transformer, retrained without half of them",
    plan=FlowPlan(),
    recipe=replace(PLAIN, batch_size=24, learning_rate=1e-3),
    epochs=300,
    works=6,
    size=32,
    retrained=8,
    sampler=Sampler(steps=25, guidance=1.0),
)

WORKSHOPS_ARTISTS = replace(
    WORKSHOPS,
    name="workshops-artists",
    title="A collection's LoRA, retrained without one artist at a time",
    epochs=30,
    validation=48,
    generated=48,
    subsets=3,
    by_artist=16,
    removals=3,
    outcome=OutcomeRule(TimestepRule("uniform", 10), works=12),
    twice=0,
)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        DIGITS_SMALL,
        Preset(
            name="cifar2-small",
            title="Photographs of automobiles and horses, a small UNet",
            source=PHOTOGRAPHS,
            plan=UnetPlan(channels=(16, 32), layers=1, groups=8, scale_shift=False),
            recipe=replace(PLAIN, batch_size=25),
            epochs=500,
            works=100,
            validation=40,
            generated=40,
            subsets=32,
            twice=4,
            size=16,
            classes=("automobile", "horse"),
            retrained=16,
            outcome=OutcomeRule(TimestepRule("uniform", 50), works=100),
        ),
        WORKSHOPS,
        WORKSHOPS_FLOW,
        WORKSHOPS_ARTISTS,
        replace(
            WORKSHOPS_ARTISTS,
            name="workshops-artists-large",
            title="The same with more works, longer, with more seeds",
            epochs=100,
            works=4,
            generated=96,
            by_artist=48,
            removals=5,
            outcome=OutcomeRule(TimestepRule("uniform", 20), works=24),
        ),
        replace(
            DIGITS_SMALL,
            name="digits-artists",
            title="Handwritten digits, each digit an artist, a small MLP",
            subsets=3,
            by_artist=16,
            removals=5,
            timesteps=(10,),
            twice=0,
        ),
        Preset(
            name="digits-artists-tiny",
            title="The same in seconds, to see that it runs: no figure means much",
            source=DIGITS,
            plan=MlpPlan(16, 8, 1),
            recipe=replace(PLAIN, batch_size=20),
            epochs=60,
            works=40,
            validation=8,
            generated=8,
            subsets=3,
            by_artist=4,
            removals=2,
            size=8,
            outcome=OutcomeRule(TimestepRule("uniform", 10), works=10),
            sampler=Sampler(steps=10, guidance=1.0, clip=True),
            timesteps=(4,),
        ),
        CIFAR2,
        replace(
            CIFAR2,
            name="cifar10",
            title="CIFAR-10 as in the paper",
            works=50000,
            classes=(),
            retrained=64,
        ),
        replace(
            CIFAR2,
            name="celeba",
            title="CelebA, 5,000 faces, as in the paper",
            plan=CELEBA_UNET,
            size=64,
            crop=140,
            classes=(),
        ),
        ARTBENCH2,
        replace(
            ARTBENCH2,
            name="artbench5",
            title="ArtBench-5, a LoRA of rank 128, as in the paper",
            classes=ARTBENCH_5,
        ),
    )
}


def preset(name: str) -> Preset:
    """The preset of this name, or a `UsageError` that lists them."""
    if name not in PRESETS:
        raise UsageError(f"There is no preset '{name}'. Choose one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
