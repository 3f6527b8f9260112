"""How far a sweep is: a bar, or a function of the caller's."""

import sys
import time
from collections.abc import Callable

from tqdm import tqdm

Report = Callable[[int, int, dict[str, float]], None]


class CellCounter:
    """Counts finished cells and tells whoever wants to know.

    Args:
        how: None shows a bar on a terminal and nothing in a pipe, True always shows it, False never; a function is
            called as ``how(done, total, info)`` after every chunk, with ``cells_per_second``, ``seconds_left``,
            ``failed`` and ``computed`` in ``info``.
        total: number of cells.
    """

    def __init__(self, how: Report | bool | None, total: int):
        if how is not None and not isinstance(how, bool) and not callable(how):
            raise ValueError(f"progress: wanted None, a bool or a function (done, total, info); got {how!r}")
        self.report, self.total = (how if callable(how) else None), total
        hidden = {None: None, True: False, False: True}.get(how if isinstance(how, bool) else None)
        self.bar = tqdm(total=total, unit="cell", disable=True if self.report else hidden, file=sys.stderr)
        self.done = self.failed = self.computed = 0
        self.start = time.perf_counter()

    def add(self, cells: int, failed: int, *, computed: bool) -> None:
        """Count the cells of one chunk, computed now or found in the store."""
        self.done, self.failed = self.done + cells, self.failed + failed
        self.computed += cells if computed else 0
        self.bar.update(cells)
        if self.failed:
            self.bar.set_postfix(failed=self.failed)
        if self.report:
            rate = self.computed / max(time.perf_counter() - self.start, 1e-9)
            left = (self.total - self.done) / rate if rate > 0 else float("nan")
            info = {"cells_per_second": rate, "seconds_left": left, "failed": self.failed, "computed": self.computed}
            self.report(self.done, self.total, info)

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()
