"""The table of GPUs and how one is found in it."""

import pytest

from tuner_kit.catalog.gpus import GPUS, find_gpu


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("RTX 4090", "RTX 4090"),
        ("rtx4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A100-SXM4-40GB", "A100 40 GB"),
        ("NVIDIA H100 PCIe", "H100"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("Tesla T4", "Tesla T4"),
        ("NVIDIA L40S", "L40S"),
        ("24 GB", "24 GB"),
        ("24", "24 GB"),
        ("24GiB", "24 GB"),
    ],
)
def test_a_gpu_is_found_as_people_and_drivers_write_it(written: str, name: str) -> None:
    found = find_gpu(written)

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "written",
    ["RTX 4070 Ti", "RTX 4090 Laptop GPU", "RTX 4080 SUPER", "Radeon", "", "0 GB", "fast"],
)
def test_another_gpu_of_a_like_name_is_not_taken_for_it(written: str) -> None:
    assert find_gpu(written) is None


def test_a_size_that_is_not_listed_has_a_little_less_than_it_is_called() -> None:
    found = find_gpu("20 GB")

    assert found is not None
    assert found.name == "20 GB"
    assert 18 < found.memory_gib < 20


def test_the_table_is_in_the_order_of_memory() -> None:
    sizes = [gpu.memory_gib for gpu in GPUS if gpu.compute_capability is not None]

    assert sizes == sorted(sizes)


def test_every_named_gpu_has_all_facts_and_a_name_of_its_own() -> None:
    named = [gpu for gpu in GPUS if gpu.compute_capability is not None]

    assert all(gpu.bf16_tflops and gpu.bandwidth_gb_s for gpu in named)
    assert len({gpu.name for gpu in GPUS}) == len(GPUS)


@pytest.mark.parametrize("size", ["8", "12", "16", "24", "32", "48", "80", "141"])
def test_a_size_has_no_more_than_the_least_gpu_that_is_sold_with_it(size: str) -> None:
    least = find_gpu(f"{size} GB")

    assert least is not None
    sold = [gpu for gpu in GPUS if gpu.compute_capability and gpu.name != "Tesla V100"]
    of_size = [gpu.memory_gib for gpu in sold if 0.9 * float(size) < gpu.memory_gib <= float(size)]
    assert of_size == [] or least.memory_gib <= min(of_size)
