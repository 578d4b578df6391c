"""Several processes that share a list of tasks, can be asked to stop, and never outlive who started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, TypeVar

from fingerspell.core.errors import FingerspellError

Task = TypeVar("Task")
Result = TypeVar("Result")
Stop = Callable[[], str | None]
"""Asked now and then; a reason to stop, or None."""
Stopping = Callable[[], bool]
"""Asked by a task between its steps: whether to give up."""

_PATIENCE = 0.2  # seconds between two looks at whether to stop
_stopping: Any = None  # in a process of the crew: the event that its starter sets


def never() -> str | None:
    """No reason to stop."""
    return None


def work(
    tasks: Sequence[Task],
    do: Callable[[Task, Stopping], Result],
    *,
    jobs: int,
    stop: Stop,
    done: Callable[[Result], None],
) -> str | None:
    """Do all tasks, in this process (one job) or in several. Tasks that share nothing may end in any order.

    Args:
        tasks: each is handed to `do`; with several jobs they must be picklable.
        do: with several jobs a function of a module, or a partial of one. It asks its second argument between its
            steps, and returns early where that says so.
        jobs: processes.
        stop: asked several times a second.
        done: called here with each result.

    Returns:
        Why the work stopped early, or None when all tasks are done.

    Raises:
        FingerspellError: a process ended by itself. What a task raises is passed on.
    """
    if min(jobs, len(tasks)) <= 1:
        return _alone(tasks, do, stop, done)
    spawn = multiprocessing.get_context("spawn")  # threads of numba and OpenCV do not survive a fork
    event = spawn.Event()
    with ProcessPoolExecutor(min(jobs, len(tasks)), spawn, _begin, (event,)) as pool:
        try:
            return _share(pool, tasks, do, jobs, stop, done)
        except BrokenProcessPool as error:
            reason = stop()  # Ctrl-C reaches a process that is only just starting, too
            if reason is not None:
                return reason
            raise FingerspellError(
                "a rendering process ended by itself, as when the memory is used up",
                remedy="start again with fewer --jobs: it goes on where it stopped",
            ) from error
        finally:
            event.set()


def _alone(
    tasks: Sequence[Task], do: Callable[[Task, Stopping], Result], stop: Stop, done: Callable[[Result], None]
) -> str | None:
    for task in tasks:
        reason = stop()
        if reason is not None:
            return reason
        done(do(task, lambda: stop() is not None))
    return stop() if tasks else None


def _share(
    pool: ProcessPoolExecutor,
    tasks: Sequence[Task],
    do: Callable[[Task, Stopping], Result],
    jobs: int,
    stop: Stop,
    done: Callable[[Result], None],
) -> str | None:
    """Never more tasks handed out than there are processes, so that stopping is soon done."""
    waiting = iter(tasks)
    running: set[Future[Result]] = set()
    while True:
        reason = stop()
        if reason is not None:
            return reason
        while len(running) < jobs and (task := next(waiting, None)) is not None:
            running.add(pool.submit(_in_crew, do, task))
        if not running:
            return None
        finished, running = wait(running, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
        for future in finished:
            done(future.result())


def _in_crew(do: Callable[[Task, Stopping], Result], task: Task) -> Result:
    return do(task, _stopping.is_set)


def _begin(event: Any) -> None:
    """Make a new process one of the crew: one thread each, deaf to Ctrl-C, gone when its starter is gone."""
    global _stopping  # noqa: PLW0603 - what a pool's initializer can leave to its tasks
    _stopping = event
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its starter hears it, and asks all to stop
    threading.Thread(target=_leave_with_starter, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with suppress(ImportError):
        import cv2

        cv2.setNumThreads(1)


def _leave_with_starter() -> None:
    """A pool's process that lost its starter to SIGKILL would wait for tasks for ever."""
    starter = multiprocessing.parent_process()
    if starter is not None:
        starter.join()
    os._exit(1)
