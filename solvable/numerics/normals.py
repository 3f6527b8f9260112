"""Normal numbers by counter: number j of step t under a key depends on (key, t, j) and on nothing else.

A simulation spends its time drawing normals. The cipher is Threefry-2x32 with its standard 20 rounds (Salmon,
Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), which is also JAX's default, but
unrolled and fed with the counter (step, pair): no state, so the numbers are the same on any chunking,
batching or resume, and a longer row extends a shorter one. Each block of two words becomes two normals by the
transform of Box and Muller (1958),

    z_{2i} + i z_{2i+1} = sqrt(-2 log u) exp(2 pi i w),

kept as one *complex* number: a compiler that fuses elementwise code emits one loop for one output, and would
run the cipher twice for two real outputs. Logarithm, sine and cosine are polynomials without branches, so
that the whole chain is vectorised.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int, Key, UInt32

ROUNDS = 20
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_REFINE = np.uint32(1 << 31)  # pair counters with the top bit set hold the low-order words of float64 numbers

# Cephes single precision (Moshier): log(1+x) on [sqrt(1/2), sqrt(2)] - 1; sin and cos on [-pi/4, pi/4].
_LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
)
_LOG = (*_LOG, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def key_words(key: Key[Array, ""]) -> UInt32[Array, "2"]:
    """The two 32-bit words of a key, whatever its implementation."""
    if str(jax.random.key_impl(key)) == "threefry2x32":
        return jax.random.key_data(key)
    return jax.random.bits(key, (2,), jnp.uint32)


def threefry2x32(
    words: UInt32[Array, "2"], x0: UInt32[Array, "..."], x1: UInt32[Array, "..."], rounds: int = ROUNDS
) -> tuple[UInt32[Array, "..."], UInt32[Array, "..."]]:
    """The Threefry-2x32 block cipher of counter words ``(x0, x1)`` under two key words, elementwise."""
    schedule = (words[0], words[1], words[0] ^ words[1] ^ _PARITY)
    x0, x1 = x0 + schedule[0], x1 + schedule[1]
    for i in range(rounds):
        turn = np.uint32(_ROTATIONS[(i // 4) % 2][i % 4])
        x0 = x0 + x1
        x1 = ((x1 << turn) | (x1 >> (np.uint32(32) - turn))) ^ x0
        if i % 4 == 3:
            block = i // 4 + 1
            x0 = x0 + schedule[block % 3]
            x1 = x1 + schedule[(block + 1) % 3] + np.uint32(block)
    return x0, x1


@partial(jax.jit, static_argnames=("num_pairs", "dtype"))
def normal_pairs(
    words: UInt32[Array, "2"], steps: Int[Array, " steps"], num_pairs: int, dtype=None, first: int | Array = 0
) -> Complex[Array, "steps pairs"]:
    """Independent standard normals for each step, two to a complex number.

    Args:
        words: the key's two words, from `key_words`.
        steps: absolute step numbers, below 2^32; shape (steps,).
        num_pairs: complex numbers per step, below 2^31.
        dtype: real dtype of the parts, float32 or float64; JAX's default if None. The float64 numbers refine
            the float32 ones (same leading bits, an absolute difference of 1e-6, rarely 1e-5) and carry 53
            good bits.
        first: the first pair's counter: pairs first, ..., first + num_pairs - 1 are returned.

    Returns:
        Complex numbers whose real and imaginary parts are independent N(0, 1); shape (steps, num_pairs).
    """
    dtype = jnp.dtype(jnp.zeros(()).dtype if dtype is None else dtype)
    if dtype not in (jnp.float32, jnp.float64):
        raise ValueError(f"dtype: wanted float32 or float64; got {dtype}")
    t = jnp.asarray(steps).astype(jnp.uint32)[:, None]
    pair = jnp.arange(num_pairs, dtype=jnp.uint32)[None, :] + jnp.asarray(first).astype(jnp.uint32)
    high = threefry2x32(words, t, pair)
    if dtype == jnp.float32:
        return _box_muller_single(*high)
    return _box_muller_double(high, threefry2x32(words, t, pair | _REFINE))


def normals(key: Key[Array, ""], steps: Int[Array, " steps"], count: int, dtype=None) -> Float[Array, "steps count"]:
    """Independent standard normals; row t, column j depends on (key, steps[t], j) only.

    Parts of `normal_pairs` side by side: columns 2i and 2i+1 are the parts of pair i.
    """
    pairs = normal_pairs(key_words(key), steps, (count + 1) // 2, dtype)
    return jnp.stack([pairs.real, pairs.imag], -1).reshape(pairs.shape[0], -1)[:, :count]


def uniforms(words: UInt32[Array, "2"], steps: Int[Array, " steps"], lane: int | Int[Array, ""], dtype) -> Array:
    """One uniform in (0, 1] a step, from pair counter ``lane``; shape (steps,)."""
    t = jnp.asarray(steps).astype(jnp.uint32)
    high, _ = threefry2x32(words, t, jnp.full_like(t, lane))
    return _open_uniform(high).astype(dtype)


def split_parts(pairs: Complex[Array, "*batch pairs"]) -> Float[Array, "*batch 2*pairs"]:
    """All real parts, then all imaginary parts: cheaper than interleaving (scattered memory)."""
    return jnp.concatenate([pairs.real, pairs.imag], -1)


def split_order(count: int) -> np.ndarray:
    """The column of `normals` at each place of `split_parts`; shape (2 * ceil(count / 2),)."""
    pairs = (count + 1) // 2
    return np.concatenate([np.arange(pairs) * 2, np.arange(pairs) * 2 + 1])


def _open_uniform(word: UInt32[Array, "..."]) -> Float[Array, "..."]:
    """(word + 1/2) 2^-32 in float32: at least 2^-33, so the normals reach 6.7 standard deviations."""
    return word.astype(jnp.float32) * np.float32(2.0**-32) + np.float32(2.0**-33)


def _horner(coefficients: tuple[float, ...], x: Float[Array, "..."]) -> Float[Array, "..."]:
    total = jnp.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + np.float32(c)
    return total


def _minus_log(u: Float[Array, "..."]) -> Float[Array, "..."]:
    """-log(u) for normal float32 in (0, 1], to about one unit in the last place."""
    bits = jax.lax.bitcast_convert_type(u, jnp.int32)
    exponent = (bits - np.int32(0x3F3504F3)) >> 23  # so that the mantissa lies in [sqrt(1/2), sqrt(2))
    x = jax.lax.bitcast_convert_type(bits - (exponent << 23), jnp.float32) - 1
    series = _horner(_LOG, x) * x * x * x - np.float32(0.5) * x * x
    return -(series + x + exponent.astype(jnp.float32) * np.float32(np.log(2.0)))


def _turn(word: UInt32[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Cosine and sine of 2 pi word / 2^32; the integer holds the quarter turn, so no range reduction."""
    quarter = (word + np.uint32(1 << 29)) >> np.uint32(30)
    rest = jax.lax.bitcast_convert_type(word - (quarter << np.uint32(30)), jnp.int32)
    x = rest.astype(jnp.float32) * np.float32(2 * np.pi / 2**32)
    square = x * x
    sine = x + x * square * _horner(_SIN, square)
    cosine = 1 - np.float32(0.5) * square + square * square * _horner(_COS, square)
    swap = (quarter & np.uint32(1)) == 1
    return (
        _flip(jnp.where(swap, sine, cosine), quarter + np.uint32(1)),
        _flip(jnp.where(swap, cosine, sine), quarter),
    )


def _flip(x: Float[Array, "..."], quarter: UInt32[Array, "..."]) -> Float[Array, "..."]:
    """Minus x where bit 1 of ``quarter`` is set."""
    sign = (quarter & np.uint32(2)) << np.uint32(30)
    return jax.lax.bitcast_convert_type(jax.lax.bitcast_convert_type(x, jnp.uint32) ^ sign, jnp.float32)


def _box_muller_single(word_u: UInt32[Array, "..."], word_w: UInt32[Array, "..."]) -> Complex[Array, "..."]:
    radius = jnp.sqrt(2 * _minus_log(_open_uniform(word_u)))
    cosine, sine = _turn(word_w)
    return jax.lax.complex(radius * cosine, radius * sine)


def _box_muller_double(high: tuple[Array, Array], low: tuple[Array, Array]) -> Complex[Array, "..."]:
    scale = np.float64(2.0**-32)
    u, w = (
        (h.astype(jnp.float64) + (lo.astype(jnp.float64) + 0.5) * scale) * scale
        for h, lo in zip(high, low, strict=True)
    )
    radius = jnp.sqrt(-2 * jnp.log(u))
    return jax.lax.complex(radius * jnp.cos(2 * np.pi * w), radius * jnp.sin(2 * np.pi * w))
