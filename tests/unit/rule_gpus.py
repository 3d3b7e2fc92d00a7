"""GPUs that the rule cases run on."""

from tuner_kit.simpletuner.rules.setup import GpuFacts, Surroundings

T4 = GpuFacts(name="Tesla T4", memory_gib=15.0, compute_capability=(7, 5))
RTX_3090 = GpuFacts(name="RTX 3090", memory_gib=24.0, compute_capability=(8, 6))
RTX_4090 = GpuFacts(name="RTX 4090", memory_gib=23.99, compute_capability=(8, 9))
RTX_5090 = GpuFacts(name="RTX 5090", memory_gib=31.84, compute_capability=(12, 0))
H200 = GpuFacts(name="H200", memory_gib=139.8, compute_capability=(9, 0))
MI300X = GpuFacts(name="MI300X", memory_gib=192.0)

EVERYTHING = frozenset(
    {"bitsandbytes", "optimum-quanto", "torchao", "sdnq", "torch-optimi", "sageattention"}
)


def on(*gpus: GpuFacts, packages: frozenset[str] | None = None) -> Surroundings:
    return Surroundings(gpus=gpus, packages=packages)
