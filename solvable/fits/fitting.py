"""``sv.fit``: a law fitted to a table of runs, by a method, with intervals and everything that is doubtful."""

import warnings
from typing import Any, Literal

import jax
from jaxtyping import Array, Key

from solvable.arguments import MOST, check_choice, check_flag, check_integer, check_real, refusal
from solvable.fits.columns import check_columns, choose
from solvable.fits.doubts import Doubt, FitWarning
from solvable.fits.estimate import Estimate
from solvable.fits.laws.base import AbstractLaw
from solvable.fits.methods.base import AbstractFitMethod
from solvable.fits.methods.frontier import AbstractFrontierMethod
from solvable.fits.methods.losses import AbstractLoss, Huber
from solvable.fits.parametric import solve
from solvable.fits.registry import law_named
from solvable.fits.result import Fit
from solvable.fits.rows import Columns, check_rows, check_stderr, check_units, drop_copies, drop_missing, drop_tail
from solvable.fits.tables import read_table
from solvable.fits.uncertainty import AbstractUncertainty, Bootstrap
from solvable.keys import require_key

HUBER, BOOTSTRAP = Huber(), Bootstrap()  # what is done unless said otherwise


def fit(
    data: Any,
    law: AbstractLaw | str = "chinchilla",
    method: AbstractFitMethod = HUBER,
    *,
    columns: Any = None,
    uncertainty: AbstractUncertainty = BOOTSTRAP,
    confidence: float = 0.95,
    missing: Literal["refuse", "drop"] = "refuse",
    drop_largest: int = 0,
    key: Key[Array, ""] | None = None,
    warn: bool = True,
) -> Fit:
    """Fit a law of scaling to runs.

    Args:
        data: the runs, a row each: a mapping of arrays, a pandas DataFrame, an xarray Dataset, a list of mappings, or
            the path of a CSV, JSON-lines or Parquet file (the latter needs pyarrow).
        law: a law of ``sv.fits.laws`` or its name, such as "chinchilla" or "power-law".
        method: what is minimised (`Huber`, `AbsoluteDeviation`, `LeastSquares`), or how the best split of compute is
            read off (`Envelope`, `IsoFLOP`, with the law `ComputeOptimal`).
        columns: variable -> column, for instance ``{"N": "params", "D": "tokens", "L": "val_loss", "stderr": "se"}``;
            what is not named is found by its usual names. D may come from C and N by C = 6 N D.
        uncertainty: `Bootstrap`, `Hessian` or `ProfileLikelihood`.
        confidence: level of the intervals, in (0, 1).
        missing: "drop" leaves out rows with NaN, "refuse" refuses them.
        drop_largest: how many rows of largest target are left out, as runs that failed.
        key: random key of the resamples; None for a fixed one: the same data then have the same intervals.
        warn: False leaves what is doubtful to `Fit.doubts`.

    Returns:
        The fit. It is a success only where ``fit.success``: read ``fit.doubts`` otherwise.

    Raises:
        ValueError: an argument is impossible, or the data are: fewer points than parameters, numbers that are not
            positive or missing, one size only, FLOPs far from 6 N D.
        RuntimeError: the search did not converge from any start.
    """
    law = law_named(law, _check_method(method))
    uncertainty = _check_uncertainty(uncertainty, method)
    check_real("confidence", confidence, "a number in (0, 1)", lambda p: 0 < p < 1)
    check_choice("missing", missing, ("refuse", "drop"))
    check_flag("warn", warn)
    drop_largest = check_integer("drop_largest", drop_largest, 0, MOST)
    key = jax.random.key(0) if key is None else key
    require_key(key, "to resample the runs")
    table, notes, said = _prepared(data, law, method, uncertainty, columns, missing, drop_largest)
    groups = table.pop("cluster", None)
    used: Columns = table
    if isinstance(method, AbstractFrontierMethod):
        solved = method.solve(law, used, groups, uncertainty, float(confidence), key)
    else:
        assert isinstance(method, AbstractLoss)
        solved = solve(law, method, used, uncertainty, float(confidence), groups, key)
    estimates = {name: _estimate(name, solved) for name in law.parameters}
    doubts = tuple(dict.fromkeys([*said, *solved.doubts]))
    found = Fit(law, method, uncertainty, estimates, solved.objective, solved.num_points, used, solved.residual,
                solved.samples, float(confidence), solved.search, doubts, tuple(notes))  # fmt: skip
    if warn and doubts:
        warnings.warn("; ".join(doubt.text for doubt in doubts), FitWarning, stacklevel=2)
    return found


fit.references = ("optimistix2024",)  # type: ignore[attr-defined]


def _check_method(method: Any) -> AbstractFitMethod:
    if not isinstance(method, AbstractFitMethod):
        raise refusal("method", "Huber(), AbsoluteDeviation(), LeastSquares(), Envelope() or IsoFLOP()", method)
    return method


def _check_uncertainty(uncertainty: Any, method: AbstractFitMethod) -> AbstractUncertainty:
    if not isinstance(uncertainty, AbstractUncertainty):
        raise refusal("uncertainty", "Bootstrap(), Hessian() or ProfileLikelihood()", uncertainty)
    if isinstance(method, AbstractFrontierMethod) and not isinstance(uncertainty, Bootstrap):
        raise ValueError(f"uncertainty: wanted Bootstrap() for {type(method).__name__}(); got {uncertainty}")
    return uncertainty


def _prepared(data, law: AbstractLaw, method, uncertainty, columns, missing: str, drop_largest: int):
    """Checked columns in the order of their values, notes and doubts."""
    table, source = read_table(data)
    named = check_columns(columns, table)
    wanted = method.columns if isinstance(method, AbstractFrontierMethod) else (*law.variables, law.target)
    also = tuple(name for name in ("N", "D", "C") if {"N", "D"} & set(wanted) and name not in wanted)
    found, notes = choose(table, wanted, named, optional=also)
    if "stderr" in named:
        if not getattr(method, "takes_stderr", False):
            raise ValueError(f"columns: wanted no stderr for {type(method).__name__}() (LeastSquares takes it); got it")
        found |= choose(table, ("stderr",), named)[0]
    if isinstance(uncertainty, Bootstrap) and uncertainty.cluster is not None:
        if uncertainty.cluster not in table:
            raise ValueError(f"cluster: wanted one of {', '.join(table)}; got {uncertainty.cluster!r}")
        found = {"cluster": table[uncertainty.cluster], **found}
    target = method.target if isinstance(method, AbstractFrontierMethod) else law.target
    extra = [name for name in also if name in found and name not in wanted]
    found, dropped = drop_missing(found, missing)
    found, filtered = drop_tail(found, target, drop_largest)
    found, copies = drop_copies(found)
    if "stderr" in found:
        check_stderr(found["stderr"])
    check_rows(law if not isinstance(method, AbstractFrontierMethod) else method.needs(), found)
    units = check_units({name: found[name] for name in found if name in "NDC"})
    doubts = [Doubt("units", units)] if units else []
    if copies:
        doubts.append(Doubt("duplicates", f"{copies} rows are copies of another: each counts once"))
    kept = {name: values for name, values in found.items() if name not in extra}
    return kept, [f"rows from {source}", *notes, *dropped, *filtered], doubts


def _estimate(name: str, solved) -> Estimate:
    return Estimate(solved.values[name], solved.stderr[name], *solved.intervals[name])
