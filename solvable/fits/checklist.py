"""A fit in words: the table for people, and the checklist of what a reader needs to reproduce it."""

import dataclasses
from importlib.metadata import version
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

LOSSES = {
    "Huber": "sum over points of the Huber loss of log prediction - log target",
    "AbsoluteDeviation": "sum over points of |log prediction - log target|",
    "LeastSquares": "half the sum of squares of residuals over their standard errors",
    "Envelope": "lowest curve at each compute, least-squares line of log N against log C",
    "IsoFLOP": "parabola of the loss in log N at each compute, least-squares line of log N against log C",
}


class Checklist(NamedTuple):
    """The same in two shapes."""

    summary: str
    items: dict[str, Any]


def checklist(fit: Any) -> Checklist:
    """The checklist of a fit."""
    items = {
        "law": fit.law.formula,
        "parameters": {name: [e.value, e.low, e.high] for name, e in fit.parameters.items()},
        "fixed": dict(fit.law.fixed),
        "bounds": dict(fit.law.bounds),
        "data": list(fit.notes),
        "num_points": fit.num_points,
        "ranges": {name: [float(v.min()), float(v.max())] for name, v in fit.data.items() if v.dtype.kind == "f"},
        "loss": LOSSES.get(type(fit.method).__name__, type(fit.method).__name__),
        "method": _value(fit.method),
        "objective": fit.objective,
        "starts": dict(fit.search),
        "optimizer": _optimizer(fit),
        "uncertainty": _value(fit.uncertainty),
        "confidence": fit.confidence,
        "scatter": fit.scatter,
        "flops": "C = 6 N D unless the data state C",
        "doubts": [doubt.text for doubt in fit.doubts],
        "versions": {name: version(name) for name in ("solvable", "jax", "optimistix", "scipy")},
    }
    return Checklist(_summary(fit, items), items)


def _value(module: eqx.Module) -> str:
    fields = [f"{field.name}={getattr(module, field.name)}" for field in dataclasses.fields(module)]
    return f"{type(module).__name__}({', '.join(fields)})"


def _optimizer(fit: Any) -> str:
    if "steps" not in fit.search:
        return "closed form"
    return "optimistix Levenberg-Marquardt, variables in units of their geometric means"


def _summary(fit: Any, items: dict[str, Any]) -> str:
    level = f"{100 * fit.confidence:g}%"
    lines = [items["law"], "", f"{'':<8}{'estimate':>12}  {'std. error':>11}  {level + ' interval':>25}"]
    for name, e in fit.parameters.items():
        error = "fixed" if name in dict(fit.law.fixed) else f"{e.stderr:.3g}"
        lines.append(f"{name:<8}{e.value:>12.5g}  {error:>11}  {e.low:>12.5g} {e.high:>12.5g}")
    lines += ["", f"method      {items['method']}", f"intervals   {items['uncertainty']}"]
    lines += [f"points      {fit.num_points}", f"objective   {fit.objective:.7g}"]
    if "reached" in fit.search:
        lines.append(f"starts      {fit.search['starts']}, {fit.search['reached']:.0%} of them at the optimum")
    lines.append(f"scatter     {fit.scatter:.3g} of log {fit.law.target}" + _explained(fit))
    lines += [f"data        {note}" for note in fit.notes]
    lines += [f"DOUBT       {doubt.text}" for doubt in fit.doubts]
    return "\n".join(lines)


def _explained(fit: Any) -> str:
    share = fit.r_squared
    return f", R^2 = {share:.4f}" if np.isfinite(share) else ""
