"""What limits the risk, in words, with the parts that the risk is made of."""

from typing import TypedDict

import numpy as np

from solvable.explore.behind import page_model
from solvable.explore.curves import CHOSEN, STEPS, Family
from solvable.explore.wish import Wish
from solvable.forms.curve import Result
from solvable.theory.regimes import regime

HALF = 0.5  # share of the risk from which on noise is what limits it
REMEDIES = {"label noise": "nothing removes it", "SGD noise": "a larger batch or a smaller rate helps"}
DIVERGES = "The risk diverges: lower the learning rate, or raise the batch size."


class Limits(TypedDict):
    """Parts of the risk by name, which add up to it, and the sentences about them."""

    parts: dict[str, float]
    words: str


def limits(wish: Wish, found: Family) -> Limits:
    """What limits the risk of ``wish`` at its step.

    Label noise or the noise of SGD, where it is half of the risk or more; otherwise width or steps, the one of which
    twice as much lowers the risk more. On a data set it is the `regime` of ridge regression without a penalty.
    """
    place = CHOSEN if wish.world == "stream" else 0
    if found.result[place] != Result.SUCCESS:
        return {"parts": {}, "words": DIVERGES}
    if wish.world == "data":
        return {"parts": {}, "words": _of_data(wish, found)}
    index = int(np.searchsorted(STEPS[wish.world], wish.step, side="right")) - 1
    parts = _parts(found, place, index, wish.noise**2)
    risk, step = found.risk[place, index], int(STEPS[wish.world][index])
    for name, remedy in REMEDIES.items():
        if parts.get(name, 0.0) >= HALF * risk:
            share = f"At step {step} {parts[name] / risk:.0%} of the risk is {name}"
            return {"parts": parts, "words": f"{share}; {remedy}."}
    if wish.world == "momentum":
        above = 1 - found.floor[place] / risk
        text = f"At step {step} {above:.0%} of the risk is above the floor of width {wish.width}: "
        return {"parts": parts, "words": text + ("more steps help." if above >= HALF else "more width helps.")}
    return {"parts": parts, "words": _doubling(found, index, step)}


def _parts(found: Family, place: int, index: int, noise: float) -> dict[str, float]:
    """The risk as a sum; with momentum the noise of SGD is not split off what more steps would remove."""
    risk, learned, floor = found.risk[place, index], found.learned[place, index], found.floor[place]
    parts = {"label noise": noise, "width": floor - noise}
    if np.isnan(learned):
        parts["steps, SGD noise"] = risk - floor
    else:
        parts |= {"steps": learned - floor, "SGD noise": risk - learned}
    return {name: max(float(value), 0.0) for name, value in parts.items()}


def _doubling(found: Family, index: int, step: int) -> str:
    """What twice the width, and twice the steps, would do: both curves are on the page."""
    here, wider, longer = (float(found.risk[CHOSEN + i, index + j]) for i, j in ((0, 0), (1, 0), (0, 2)))
    if found.result[CHOSEN + 1] != Result.SUCCESS:
        return f"Twice the width would diverge at this rate; twice the steps {_changes(longer / here)} at step {step}."
    both = f"twice the width {_changes(wider / here)}, twice the steps {_changes(longer / here)}"
    name = "width limits" if wider <= longer else "number of steps limits"
    return f"The {name} the risk at step {step}: {both}."


def _changes(ratio: float) -> str:
    return f"{'lowers' if ratio <= 1 else 'raises'} it by {100 * abs(ratio - 1):.2g}%"


def _of_data(wish: Wish, found: Family) -> str:
    end = regime(page_model(wish))
    train = "" if found.train_risk is None else f", the training risk {found.train_risk[0, -1]:.3g}"
    text = (
        f"Trained to the end on {wish.samples} samples, this model is limited by: {end.name}. Unlimited width would "
        f"remove {float(end.width.removable):.0%} of the risk, unlimited samples {float(end.samples.removable):.0%}, "
        f"the best ridge penalty {float(end.penalty.removable):.0%}."
    )
    return f"{text} At step {int(STEPS['data'][-1])} the test risk is {found.risk[0, -1]:.3g}{train}."
