"""The counter-based numbers are independent standard normals, and each depends on its own address only."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from solvable.numerics.chi_square import chi_square, chi_square_of
from solvable.numerics.normals import key_words, normal_pairs, normals, split_order, split_parts, threefry2x32

KEY = jax.random.key(11)

# Known answers of Threefry-2x32 published with Random123 (Salmon et al. 2011): rounds, counter, key, output.
PI = (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344)
ONES = (0xFFFFFFFF, 0xFFFFFFFF)
KNOWN = [
    (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    (13, ONES, ONES, (0xFD36D048, 0x2D17272C)),
    (13, *PI, (0xBA3E4725, 0xF27D669E)),
    (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    (20, ONES, ONES, (0x1CB996FC, 0xBB002BE7)),
    (20, *PI, (0xC4923A9C, 0x483DF7A0)),
]


@pytest.fixture(scope="module")
def sample():
    """2048 steps of 1024 numbers, float64 NumPy copies of the float32 draws."""
    return np.asarray(jax.jit(lambda: normals(KEY, jnp.arange(2048), 1024, jnp.float32))(), np.float64)


@pytest.mark.parametrize(("rounds", "counter", "key", "answer"), KNOWN)
def test_cipher_gives_the_published_answers(rounds, counter, key, answer):
    def word(x):
        return jnp.asarray(x, jnp.uint32)

    out = threefry2x32(word(key), word(counter[0]), word(counter[1]), rounds)
    assert tuple(int(x) for x in out) == answer


def test_cipher_is_the_one_of_jax():
    words = key_words(KEY)
    for data in (0, 1, 77, 2**31):
        x0, x1 = threefry2x32(words, jnp.uint32(0), jnp.uint32(data))
        folded = jax.random.key_data(jax.random.fold_in(KEY, np.uint32(data)))
        np.testing.assert_array_equal(np.asarray(folded), np.asarray([x0, x1]))


def test_distribution_is_normal(sample):
    assert stats.kstest(sample.ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("power", range(1, 9))
def test_moments_within_standard_errors(sample, power):
    def exact(n):
        return 0 if n % 2 else float(np.prod(np.arange(1, n, 2)))

    stderr = np.sqrt((exact(2 * power) - exact(power) ** 2) / sample.size)
    assert abs((sample**power).mean() - exact(power)) < 4.5 * stderr


def test_tails_have_the_right_weight():
    """Two-sided counts beyond 4 and 5 standard deviations among 6.7e7 numbers, as Poisson counts."""

    def count(chunk):
        z = normal_pairs(key_words(KEY), chunk * 1024 + jnp.arange(1024), 512, jnp.float32)
        both = jnp.abs(jnp.stack([z.real, z.imag]))
        return jnp.stack([(both > 4).sum(), (both > 5).sum()])

    counts = np.asarray(jax.jit(lambda: jax.lax.map(count, jnp.arange(64)).sum(0))())
    expected = 64 * 2**20 * 2 * stats.norm.sf([4.0, 5.0])
    assert (np.abs(counts - expected) < 4.5 * np.sqrt(expected)).all(), (counts, expected)


def test_neighbours_are_uncorrelated(sample):
    """Adjacent numbers, adjacent steps, consecutive keys; values, squares, and value against square."""
    other = np.asarray(normals(jax.random.key(12), jnp.arange(2048), 1024, jnp.float32), np.float64)
    pairs = [
        (sample[:, 0::2], sample[:, 1::2]),
        (sample[:, 1:-1:2], sample[:, 2::2]),
        (sample[:-1], sample[1:]),
        (sample, other),
    ]
    for x, y in pairs:
        for fx, fy, scale in ((x, y, 1), (x**2 - 1, y**2 - 1, 2), (x, y**2 - 1, 2**0.5)):
            assert abs((fx * fy).mean()) / scale < 4.5 / np.sqrt(x.size)


def test_a_number_depends_on_its_step_and_place_only():
    whole = np.asarray(normals(KEY, jnp.arange(100), 64))
    np.testing.assert_array_equal(np.asarray(normals(KEY, jnp.arange(37, 53), 64)), whole[37:53])
    np.testing.assert_array_equal(np.asarray(normals(KEY, jnp.asarray([5, 3]), 64)), whole[[5, 3]])
    np.testing.assert_array_equal(np.asarray(normals(KEY, jnp.arange(100), 17)), whole[:, :17])
    keys = jax.random.split(KEY, 3)
    batched = jax.vmap(lambda k: normals(k, jnp.arange(10), 8))(keys)
    np.testing.assert_array_equal(np.asarray(batched[1]), np.asarray(normals(keys[1], jnp.arange(10), 8)))
    later = normal_pairs(key_words(KEY), jnp.arange(100), 12, first=20)
    np.testing.assert_array_equal(np.asarray(later.real), whole[:, 40:64:2])


def test_split_order_names_the_places_of_split_parts():
    pairs = normal_pairs(key_words(KEY), jnp.arange(4), 4)
    np.testing.assert_array_equal(
        np.asarray(split_parts(pairs)), np.asarray(normals(KEY, jnp.arange(4), 8))[:, split_order(7)]
    )


def test_float64_refines_float32():
    with jax.enable_x64(True):
        fine = np.asarray(normals(KEY, jnp.arange(500), 400))
    coarse = np.asarray(normals(KEY, jnp.arange(500), 400, jnp.float32))
    assert fine.dtype == np.float64
    np.testing.assert_allclose(coarse, fine, atol=1e-4)
    assert np.sqrt(((coarse - fine) ** 2).mean()) < 3e-7
    assert (np.abs(fine - fine.astype(np.float32)) > 0).mean() > 0.99  # the digits beyond float32 are there
    assert stats.kstest(fine.ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_any_key_implementation_works(impl):
    z = np.asarray(normals(jax.random.key(3, impl=impl), jnp.arange(200), 200))
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3


def test_other_dtypes_are_refused():
    with pytest.raises(ValueError, match="dtype: wanted float32 or float64; got float16"):
        normals(KEY, jnp.arange(2), 2, jnp.float16)


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 1000, 10**6])
def test_chi_square_law(degrees):
    def draw(dtype):
        return np.asarray(chi_square(key_words(KEY), jnp.arange(200_000), degrees, dtype), np.float64)

    single = draw(jnp.float32)
    assert stats.kstest(single, stats.chi2(degrees).cdf).pvalue > 1e-3
    with jax.enable_x64(True):
        double = draw(jnp.float64)
    # the two differ only where rounding flips an acceptance
    assert (np.abs(single - double) < 1e-4 * degrees + 1e-3).mean() > 0.999


def test_chi_square_numbers_of_real_degrees_that_change_with_the_step():
    """0 where there are none; by Kolmogorov and Smirnov below 1, between 1 and 2, and above."""
    degrees = np.tile([0.0, 0.4, 1.5, 7.3], 50_000)
    drawn = np.asarray(chi_square_of(key_words(KEY), jnp.arange(len(degrees)), jnp.asarray(degrees), jnp.float32))
    assert (drawn[degrees == 0] == 0).all()
    for k in (0.4, 1.5, 7.3):
        assert stats.kstest(drawn[degrees == k], stats.chi2(k).cdf).pvalue > 1e-3
        assert stats.kstest(drawn[degrees == k], stats.chi2(1.05 * k).cdf).pvalue < 1e-3


def test_chi_square_without_degrees_is_zero():
    assert (np.asarray(chi_square(key_words(KEY), jnp.arange(5), 0, jnp.float32)) == 0).all()


def test_chi_square_depends_on_its_step_only():
    whole = chi_square(key_words(KEY), jnp.arange(100), 5, jnp.float32)
    part = chi_square(key_words(KEY), jnp.arange(40, 60), 5, jnp.float32)
    np.testing.assert_array_equal(np.asarray(part), np.asarray(whole)[40:60])
