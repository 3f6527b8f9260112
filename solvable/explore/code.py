"""The Python that makes the page's curves, to copy: it runs as it stands and gives the same numbers."""

from solvable.explore.curves import STEPS, WIDTHS
from solvable.explore.wish import Wish

ALGORITHMS = {
    "stream": "sv.SGD({rate!r} / model.trace(), batch_size={batch})",
    "momentum": "sv.HeavyBall({rate!r} / model.trace(), momentum={momentum!r}, batch_size={batch})",
    "data": "sv.SGD({rate!r} / model.trace(), batch_size=None)",
}


def code(wish: Wish) -> str:
    """About ten lines; the last curve's risk is in ``curve.risk``."""
    samples = f", samples={wish.samples}" if wish.samples else ""
    widths = ", ".join(f"{wish.width * factor:g}" for factor in WIDTHS[wish.world])
    method = "DMFT" if wish.world == "data" else "Recursion"
    law = f"{wish.alpha!r}, {wish.beta!r}, width, 4 * width, noise={wish.noise!r}{samples}"
    last = int(STEPS[wish.world][-1])
    return f"""import matplotlib.pyplot as plt
import solvable as sv

steps = sv.log_steps({last})
for width in [{widths}]:
    model = sv.PowerLawRF({law})
    algorithm = {ALGORITHMS[wish.world].format(**vars(wish))}
    curve = sv.solve(model, algorithm, sv.{method}(), steps)
    plt.loglog(steps[1:], curve.risk[1:], label=f"width {{width:g}}")
plt.legend()
plt.savefig("curves.png")
"""
