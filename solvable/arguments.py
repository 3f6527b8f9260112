"""Arguments: physical parameters as arrays without losing float64, and one place where bad ones are refused.

Everything public checks what it is given by the functions below, so that an impossible argument ends in one ValueError,
``argument: wanted ...; got ...``. Values are judged where they are known: a tracer is judged by its type and shape.

The axis names in the package's array types: ``modes`` are eigendirections of the feature covariance, ``width``
trainable features, ``ambient`` input coordinates, ``steps`` recorded optimizer steps, ``runs`` independent repetitions.
"""

import inspect
import itertools
import math
import numbers
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from solvable.arrays import is_concrete

MOST = 10**7  # numbers of one argument that is not an array yet: 80 MB
LARGEST = 1e100  # the largest finite parameter: squares and products of a few still fit a float64
SHOWN = 160  # characters of a value in a message
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # in the repr of a function, and of no use to a reader

P = ParamSpec("P")
T = TypeVar("T")


def shown(value: Any) -> str:
    """``value`` for a message: one line, never long, whatever it is."""
    try:
        if isinstance(value, np.ndarray | jax.Array) and is_concrete(value):
            if value.size > 8:
                return f"an array of shape {value.shape}"
            value = np.asarray(value)
            text = f"{float(value):g}" if value.shape == () and value.dtype.kind in "iuf" else str(value)
        else:
            text = f"{float(value):g}" if isinstance(value, np.floating) else repr(value)
    except Exception:  # repr is anyone's code; that of an integer of 5000 digits is refused by Python itself
        text = f"{type(value).__name__} that cannot be shown"
    text = ADDRESS.sub("", " ".join(text.split()))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def refusal(name: str, wanted: str, value: Any) -> ValueError:
    """The error of an impossible argument."""
    return ValueError(f"{name}: wanted {wanted}; got {shown(value)}")


def real_numbers(value: Any) -> Any:
    """``value`` as a float64 array, a JAX array of real numbers as it is; None where it holds no real numbers.

    Booleans, text, dates, complex numbers, masked entries, ragged lists and numbers beyond float64 are none.
    """
    if isinstance(value, jax.Array):
        real = jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer)
        return value if real else None
    if value is None or isinstance(value, str | bytes | bool | type | set | dict):
        return None
    try:
        if np.ma.is_masked(value):
            return None
        array = np.asarray(value)
        if array.dtype.kind in "iuf" or array.size == 0:
            return array.astype(np.float64)
        if array.dtype.kind == "O" and all(_is_real(x) for x in array.flat):
            return array.astype(np.float64)
        return jnp.asarray(array) if jnp.issubdtype(array.dtype, jnp.floating) else None  # bfloat16 and the like
    except Exception:  # whatever the conversion of a foreign object raises
        return None


def _is_real(x: Any) -> bool:
    return isinstance(x, numbers.Real) and not isinstance(x, bool | np.bool_)


def as_real(value: Any) -> Any:
    """A physical parameter as an array, without losing float64.

    JAX arrays and tracers pass through. Every other number becomes a NumPy float64 array: a plain Python float
    would retrace for every value, and a JAX array would be rounded to float32 under JAX's default flags. What is no
    real number passes through too, for the constructor to refuse by its name.
    """
    found = real_numbers(value)
    if found is None:
        return shown(value) if isinstance(value, Iterator) else value  # an iterator can neither be kept nor copied
    return found


def check_real(name: str, value: Any, wanted: str, accept: Callable[[float], bool] = math.isfinite) -> None:
    """Raise unless ``value`` is one real number, not NaN, at most `LARGEST` where finite, and ``accept(number)``.

    Raises:
        ValueError: it is not; of a traced number only its type and shape are judged.
    """
    found = real_numbers(value)
    if found is None:
        raise refusal(name, wanted, value)
    if np.shape(found) != ():
        raise ValueError(f"{name}: wanted {wanted}; got an array of shape {np.shape(found)} (use vmap for many values)")
    if not is_concrete(found):
        return
    number = float(found)
    if math.isnan(number) or not accept(number):
        raise ValueError(f"{name}: wanted {wanted}; got {number:g}")
    if LARGEST < abs(number) < math.inf:
        raise ValueError(f"{name}: wanted {wanted}, at most {LARGEST:g}; got {number:g}")


def check_reals(
    name: str,
    value: Any,
    wanted: str,
    accept: Callable[[Any], Any] = np.isfinite,
    *,
    ndim: int | None = None,
    largest: float = LARGEST,
) -> Any:
    """``value`` as real numbers, at least one, not NaN, at most ``largest`` where finite, and all of ``accept(array)``.

    Args:
        accept: of a float64 array, elementwise.
        ndim: number of dimensions; None for any.

    Returns:
        A float64 array; a traced array as it is, judged by its type and shape alone.

    Raises:
        ValueError: it is none.
    """
    found = real_numbers(value)
    if found is None:
        raise refusal(name, wanted, value)
    if (ndim is not None and np.ndim(found) != ndim) or np.size(found) == 0:
        raise ValueError(f"{name}: wanted {wanted}; got shape {np.shape(found)}")
    if not is_concrete(found):
        return found
    array = np.asarray(found, np.float64)
    good = accept(array) & ~np.isnan(array)
    if not np.all(good):
        raise ValueError(f"{name}: wanted {wanted}; got {_first(array, np.broadcast_to(good, array.shape), value)}")
    if ((np.abs(array) > largest) & np.isfinite(array)).any():
        raise ValueError(f"{name}: wanted {wanted}, at most {largest:g}; got {shown(value)}")
    return array


def _first(array: np.ndarray, good: np.ndarray, value: Any) -> str:
    """The first bad value of an array, and where it is."""
    if array.ndim == 0:
        return shown(value)
    place = tuple(np.argwhere(~good)[0].tolist())
    index = place[0] if array.ndim == 1 else place
    return f"{array[place]} at index {index}" + (f" of {shown(value)}" if array.size <= 8 else "")


def check_integer(name: str, value: Any, least: int, most: int | None = None, wanted: str | None = None) -> int:
    """``value`` as a Python int from ``least`` to ``most``; a float is none, whatever its value.

    Raises:
        ValueError: it is none.
    """
    named = wanted or f"an integer >= {least}"
    try:
        if isinstance(value, bool | np.bool_ | np.ma.MaskedArray):
            raise TypeError
        number = operator.index(value)
    except Exception:  # a tracer's own error is no TypeError
        raise refusal(name, named, value) from None
    if number < least:
        raise refusal(name, named, number)
    if most is not None and number > most:
        raise refusal(name, wanted or f"an integer from {least} to {most}", number)
    return number


def check_integers(name: str, value: Any, wanted: str, least: int = 0) -> np.ndarray:
    """``value`` as a nonempty int64 vector of strictly increasing integers from ``least`` to 2^63 - 1.

    Raises:
        ValueError: it is none, or traced: such integers set the shape of a computation.
    """
    if not is_concrete(*jax.tree.leaves(value)):
        raise ValueError(f"{name}: wanted concrete integers, they set the shape of the computation; got traced values")
    array = _vector(name, value, wanted)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name}: wanted {wanted}; got shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name}: wanted {wanted}, below 2^63; got {array.dtype} ({shown(array.flat[0])}, ...)")
    if (array < least).any():
        raise ValueError(f"{name}: wanted {wanted}, all >= {least}; got {array.min()}")
    if array.dtype == np.uint64 and (array > np.uint64(2**63 - 1)).any():
        raise ValueError(f"{name}: wanted {wanted}, below 2^63; got {array.max()}")
    array = array.astype(np.int64)
    if (np.diff(array) <= 0).any():
        raise ValueError(f"{name}: wanted strictly increasing values; got {array[:5].tolist()}...")
    return array


def _vector(name: str, value: Any, wanted: str) -> np.ndarray:
    """An array of whatever ``value`` holds, at most `MOST` things where it is no array yet."""
    if isinstance(value, str | bytes | bytearray | memoryview | type | set | dict) or np.ma.is_masked(value):
        raise refusal(name, wanted, value)
    try:
        if isinstance(value, Iterable) and not hasattr(value, "dtype"):
            known = isinstance(value, Sized) and len(value) > MOST
            value = [] if known else list(itertools.islice(value, MOST + 1))
            if known or len(value) > MOST:
                raise ValueError(f"{name}: wanted at most {MOST} values; got more")
        return np.asarray(value)
    except Exception as error:  # a ragged list, or whatever a foreign iterator raises
        if str(error).startswith(f"{name}: wanted"):
            raise
        raise refusal(name, wanted, value) from None


def check_choice(name: str, value: Any, choices: Iterable[str], also: str = "") -> str:
    """``value``, one of the texts ``choices``; the message names what else the caller ``also`` takes.

    Raises:
        ValueError: it is another, or no text.
    """
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise refusal(name, f"one of {', '.join([*known, *([also] if also else [])])}", value)
    return value


def check_flag(name: str, value: Any) -> bool:
    """``value``, True or False.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise refusal(name, "True or False", value)
    return bool(value)


def answer(name: str, wanted: str, function: Callable[..., Any], *given: Any) -> Any:
    """What a function returns that the user gave for the argument ``name``.

    Raises:
        ValueError: it raised an error, which is the cause of this one.
    """
    if not is_function(function):
        raise refusal(name, wanted, function)
    try:
        return function(*given)
    except Exception as error:
        raise ValueError(f"{name}: wanted {wanted}; got {shown(function)}, which raised {shown(error)}") from error


def is_function(value: Any) -> bool:
    """Whether it can be called for its result: a class makes an object of itself, and is none."""
    return callable(value) and not isinstance(value, type)


def check_window(name: str, value: Any) -> tuple[float, float]:
    """``value`` as two finite numbers, the first the smaller.

    Raises:
        ValueError: it is none.
    """
    wanted = "a window (low, high) with low < high, both finite"
    found = check_reals(name, value, wanted, ndim=1)
    if len(found) != 2 or not found[0] < found[1]:
        raise refusal(name, wanted, value)
    return float(found[0]), float(found[1])


def check_broadcast(**arrays: Any) -> list[Any]:
    """The arrays, which may be traced, broadcast against each other.

    Raises:
        ValueError: their shapes do not allow it.
    """
    shapes = [np.shape(x) for x in arrays.values()]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        given = ", ".join(map(str, shapes))
        raise ValueError(f"{', '.join(arrays)}: wanted shapes that broadcast; got {given}") from None
    return [(jnp if isinstance(x, jax.Array) else np).broadcast_to(x, shape) for x in arrays.values()]


def representable(function: Callable[P, T]) -> Callable[P, T]:
    """Refuse what is out of float64's range on the way: for formulas of NumPy whose result is finite where it exists.

    Each argument is possible alone, but not all together, such as 10^-90 to the power of 8.

    Raises:
        ValueError: the result is no finite number.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with np.errstate(all="ignore"):
                result = function(*args, **kwargs)
            parts: Any = result if isinstance(result, tuple) else (result,)
            good = all(np.isfinite(x).all() for x in parts)
        except (OverflowError, ZeroDivisionError):
            good, result = False, None
        if good:
            return result  # pyright: ignore[reportReturnType]
        given = signature.bind(*args, **kwargs).arguments
        values = ", ".join(shown(x) for x in given.values())
        raise ValueError(f"{', '.join(given)}: wanted values whose result is a finite number; got {values}")

    return wrapped
