"""How far a sweep is: a bar, or a function of the caller's."""

import sys
import time
from collections.abc import Callable

from tqdm import tqdm

LINE_SECONDS = 30.0  # between two lines where there is no terminal
Report = Callable[[int, int, dict[str, float]], None]


class CellCounter:
    """Counts finished cells and tells whoever wants to know.

    Args:
        how: None shows a bar on a terminal and a line every `LINE_SECONDS` in a pipe, True always shows the bar, False
            shows nothing; a function is called as ``how(done, total, info)`` after every chunk, with
            ``cells_per_second``, ``seconds_left``, ``failed`` and ``computed`` in ``info``.
        total: number of cells.
    """

    def __init__(self, how: Report | bool | None, total: int):
        if how is not None and not isinstance(how, bool) and not callable(how):
            raise ValueError(f"progress: wanted None, a bool or a function (done, total, info); got {how!r}")
        self.report, self.total = (how if callable(how) else None), total
        hidden = {None: None, True: False, False: True}.get(how if isinstance(how, bool) else None)
        self.bar = tqdm(total=total, unit="cell", disable=True if self.report else hidden, file=sys.stderr)
        self.bar.set_description("compiling")
        self.lines = self.report is None and how is not False and bool(self.bar.disable)
        self.done = self.failed = self.computed = 0
        self.start = self.said = time.perf_counter()

    def add(self, cells: int, failed: int, *, computed: bool) -> None:
        """Count the cells of one chunk, computed now or found in the store."""
        self.done, self.failed = self.done + cells, self.failed + failed
        self.computed += cells if computed else 0
        if computed:
            self.bar.set_description("")
        self.bar.update(cells)
        if self.failed:
            self.bar.set_postfix(failed=self.failed)
        now = time.perf_counter()
        rate = self.computed / max(now - self.start, 1e-9)
        left = (self.total - self.done) / rate if rate > 0 else float("nan")
        if self.report:
            info = {"cells_per_second": rate, "seconds_left": left, "failed": self.failed, "computed": self.computed}
            self.report(self.done, self.total, info)
        elif self.lines and now - self.said > LINE_SECONDS:
            self.said = now
            done = f"{self.done} of {self.total} cells" + (f", {self.failed} failed" if self.failed else "")
            print(f"{done}, {rate:.3g} a second, {left:.0f} s left", file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()
