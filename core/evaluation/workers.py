"""More hands for one benchmark: further processes that do the same work on the same folder.

In: a benchmark and the stages it is to run. Out: progress. Each file is made once (see
`core.work_queue`), so two workers of one thread each outdo one of two threads, and several
GPUs share a benchmark.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from core.errors import UsageError
from core.evaluation.benchmark import Benchmark, Opening
from core.progress import Progress

A = TypeVar("A")
Stages = Callable[[Benchmark, A], Iterator[Progress]]


def with_workers(bench: Benchmark, stages: Stages[A], plan: A, workers: int) -> Iterator[Progress]:
    """Run `stages(bench, plan)` in this process and in `workers - 1` others at the same time.

    `stages` is a function of a module, `plan` plain data: both travel to the others. A worker that
    is killed loses nothing: this process does what is left.
    """
    if workers < 1:
        raise UsageError(f"{workers} workers cannot work: give 1 or more.")
    threads = torch.get_num_threads()
    each = max(1, threads // workers)
    spawning = multiprocessing.get_context("spawn")
    others = [
        spawning.Process(target=_work, args=(bench.opening, number, each, stages, plan))
        for number in range(1, workers)
    ]
    for process in others:
        process.daemon = True  # ends with this one
        process.start()
    torch.set_num_threads(each if others else threads)
    try:
        yield from stages(bench, plan)
    finally:
        torch.set_num_threads(threads)
        for process in others:
            process.terminate()
            process.join()


def _work(opening: Opening, number: int, threads: int, stages: Stages[A], plan: A) -> None:
    torch.set_num_threads(threads)
    cuda = torch.device(opening.device).type == "cuda"
    bench = opening.open(f"cuda:{number % torch.cuda.device_count()}" if cuda else opening.device)
    starter = multiprocessing.parent_process()
    for _ in stages(bench, plan):
        if starter is not None and not starter.is_alive():
            return
