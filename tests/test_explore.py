"""The page of `solvable explore`: its numbers are those of `solve`, and its server answers junk with a sentence."""

import concurrent.futures
import contextlib
import http.client
import importlib.util
import json
import re
import subprocess
import sys

import jax
import numpy as np
import pytest

import solvable as sv
from solvable.cli import main
from solvable.explore import answers, behind, curves
from solvable.explore.code import code
from solvable.explore.wish import Wish, read_wish

WISHES = {
    "stream": Wish(alpha=0.8, beta=0.6, width=128, batch=3, rate=0.4, noise=0.1),
    "momentum": Wish(alpha=0.8, beta=0.6, width=128, batch=3, rate=0.05, momentum=0.9, noise=0.1),
    "data": Wish(alpha=0.8, beta=0.6, width=128, rate=0.4, samples=90, noise=0.1),
}
PACKAGES = [name for name in ("starlette", "uvicorn", "bokeh") if importlib.util.find_spec(name) is None]
served_here = pytest.mark.skipif(bool(PACKAGES), reason=f"needs the extra `explore`: {', '.join(PACKAGES)} is missing")


def asked(wish, width):
    """The curve that `solve` gives for one width of the page."""
    model = sv.PowerLawRF(wish.alpha, wish.beta, width, 4 * width, noise=wish.noise, samples=wish.samples or None)
    rate = wish.rate / model.trace()
    if wish.world == "data":
        return sv.solve(model, sv.SGD(rate, batch_size=None), sv.DMFT(), curves.STEPS["data"])
    heavy = sv.HeavyBall(rate, momentum=wish.momentum, batch_size=wish.batch)
    algorithm = sv.SGD(rate, batch_size=wish.batch) if wish.world == "stream" else heavy
    return sv.solve(model, algorithm, sv.Recursion(), curves.STEPS[wish.world])


@pytest.mark.parametrize("world", ["stream", pytest.param("momentum", marks=pytest.mark.slow),
                                   pytest.param("data", marks=pytest.mark.slow)])  # fmt: skip
def test_the_curves_are_those_of_solve(world):
    wish = WISHES[world]
    found = answers.theory(wish)
    assert found["world"] == world
    for line in found["curves"]:
        curve = asked(wish, line["width"])
        np.testing.assert_allclose(line["risk"], curve.risk, rtol=1e-12)
        assert line["diverges"] == bool(curve.result)
        if world == "data":
            np.testing.assert_allclose(line["train_risk"], curve.train_risk, rtol=1e-12)
    assert found["phase"] == sv.phase(wish.alpha, wish.beta)._asdict()
    json.dumps(found, allow_nan=False)


def test_the_parts_of_the_risk_add_up_to_it_and_are_those_of_the_theory():
    wish = WISHES["stream"]
    found = answers.theory(wish)
    parts, index = found["limits"]["parts"], found["steps"].index(wish.step)
    chosen = found["curves"][found["chosen"]]
    np.testing.assert_allclose(sum(parts.values()), chosen["risk"][index], rtol=1e-12)
    model = behind.page_model(wish)
    algorithm = behind.page_algorithm(wish, chosen["learning_rate"])
    forcing = sv.theory.forcing(model, algorithm, np.array([wish.step]))[0]
    np.testing.assert_allclose(parts["steps"], forcing, rtol=1e-10)
    np.testing.assert_allclose(parts["width"], model.floor() - wish.noise**2, rtol=1e-12)


def test_a_rate_beyond_the_threshold_is_said_to_diverge():
    found = answers.theory(Wish(rate=9.0, batch=1))
    assert all(line["diverges"] for line in found["curves"])
    assert found["limits"]["words"].startswith("The risk diverges")
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("step", [1, 4096, 2**18])
def test_what_limits_the_risk_is_what_twice_as_much_lowers_most(step):
    wish = Wish(step=step)
    found = answers.theory(wish)
    index, widths = found["steps"].index(step), {line["width"]: line["risk"] for line in found["curves"]}
    wider, longer = widths[512][index], widths[256][found["steps"].index(2 * step)]
    limited = "The width limits" if wider < longer else "The number of steps limits"
    assert found["limits"]["words"].startswith(limited)


@pytest.mark.slow
def test_the_frontier_is_the_exact_one_and_its_batch_a_number():
    for wish in (WISHES["stream"], Wish(alpha=0.4, beta=0.3, batch=16)):
        found = [answers.frontier(wish, part) for part in range(3)]
        column = lambda name: np.concatenate([part[name] for part in found])  # noqa: E731, B023
        rule = lambda m: sv.SGD(wish.rate / m.trace(), batch_size=wish.batch)  # noqa: E731, B023
        exact = sv.compute_frontier(behind.page_model(wish), rule, column("compute"))
        np.testing.assert_allclose(column("risk"), exact.risk, rtol=1e-10)
        np.testing.assert_allclose(column("loss_exponent"), exact.loss_exponent, atol=1e-8)
        assert column("interior").tolist() == np.asarray(exact.interior).tolist()
    assert answers.frontier(WISHES["data"], 0) == {"parts": 0}


def test_simulated_runs_agree_with_the_theory_and_more_parts_are_other_runs():
    wish = Wish(alpha=0.6, beta=0.3, width=128, batch=256, rate=0.3)
    parts = [behind.simulated(wish, part) for part in range(3)]
    runs = np.concatenate([part.runs for part in parts])
    assert len(runs) == 12 == len(np.unique(runs[:, -1]))
    at, theory = list(parts[0].steps).index(64), answers.theory(wish)
    expected = theory["curves"][theory["chosen"]]["risk"][theory["steps"].index(64)]
    assert runs[:, at].std(ddof=1) / np.sqrt(12) < 0.1 / 3 * expected
    np.testing.assert_allclose(runs[:, at].mean(), expected, rtol=0.1)
    assert behind.simulated(Wish(width=1024), 0) is None


@pytest.mark.parametrize("world", WISHES)
def test_the_code_to_copy_is_python_of_about_ten_lines(world):
    text = code(WISHES[world])
    compile(text, "page", "exec")
    assert len([line for line in text.splitlines() if line.strip()]) <= 11


def test_the_code_to_copy_gives_the_curve_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wish, names = WISHES["stream"], {}
    with jax.enable_x64(False):
        exec(compile(code(wish), "page", "exec"), names)
    widest = answers.theory(wish)["curves"][-1]
    np.testing.assert_allclose(names["curve"].risk[-1], widest["risk"][-1], rtol=1e-12)
    assert (tmp_path / "curves.png").stat().st_size > 1000
    names["plt"].close("all")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"alhpa": "1"}, "'alhpa': no such parameter; did you mean 'alpha'?"),
        ({"alpha": "nan"}, "alpha: wanted a number from 0.05 to 1.5; got 'nan'"),
        ({"alpha": "inf"}, "alpha: wanted"),
        ({"alpha": "1_0"}, "alpha: wanted"),
        ({"width": "2.5"}, "width: wanted an integer from 4 to 4096; got '2.5'"),
        ({"width": "9" * 5000}, "width: wanted"),
        ({"samples": "2"}, "samples: wanted"),
        ({"alpha": "0.2", "beta": "0.1"}, "alpha, beta: wanted alpha + beta >= 0.51"),
        ({"samples": "100", "momentum": "0.5"}, "momentum: wanted 0"),
    ],
)
def test_an_impossible_wish_is_refused_by_name(query, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_wish(query)


def test_the_command_says_what_to_install_before_it_starts(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    assert main(["explore", "--no-browser"]) == 2
    assert "python -m pip install 'solvable[explore]'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def server():
    """(host, port) of the command in a process of its own."""
    words = [sys.executable, "-m", "solvable", "explore", "--port", "0", "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        address = re.search(r"http://(127\.0\.0\.1):(\d+)/", process.stdout.readline())
        yield address[1], int(address[2])
        process.terminate()


def get(server, path, method="GET"):
    with contextlib.closing(http.client.HTTPConnection(*server, timeout=120)) as connection:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.read()


@served_here
def test_the_server_serves_its_files_and_nothing_else(server):
    for path in ("/", "/page.js", "/plane.js", "/charts.js", "/page.css", "/bokeh.min.js", "/plane"):
        status, body = get(server, path)
        assert (status, len(body) > 100) == (200, True), path
    outside = "/../server.py /%2e%2e/server.py /page/../../wish.py /etc/passwd //etc/passwd /..%2f.. /x\\y".split()
    assert {get(server, path)[0] for path in outside} == {404}
    assert get(server, "/theory", "POST")[0] == get(server, "/", "DELETE")[0] == 405
    page = get(server, "/")[1].decode()
    assert not re.findall(r"""(?:src|href)=["'](?:/|https?:)""", page), "an address is not relative"


@served_here
@pytest.mark.parametrize(
    "path",
    ["/theory?alpha=x", "/theory?alpha=1&alpha=2", "/theory?zzz=1", "/theory?" + "a" * 3000, "/simulation?part=99",
     "/simulation?part=-1", "/frontier?part=%00", "/curves.png?width=1e9", "/theory?alpha=%ff%fe",
     "/theory?<script>=1"],
)  # fmt: skip
def test_junk_is_answered_by_400_and_a_sentence(server, path):
    status, body = get(server, path)
    assert status == 400
    assert b"wanted" in body or b"no such parameter" in body
    assert b"Traceback" not in body


@served_here
def test_two_hundred_requests_at_once_are_served(server):
    get(server, "/theory")
    paths = [f"/theory?alpha={0.6 + 0.001 * (i % 20)}" if i % 2 else "/page.js" for i in range(200)]
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        found = list(pool.map(lambda path: get(server, path), paths))
    assert {status for status, _ in found} == {200}
    risks = {tuple(json.loads(body)["curves"][2]["risk"]) for _, body in found[1::2]}
    assert len(risks) == 10


@served_here
def test_the_curves_are_saved_as_csv_png_and_svg(server):
    found = json.loads(get(server, "/theory")[1])
    rows = get(server, "/curves.csv")[1].decode().splitlines()
    assert rows[0].split(",")[0] == "step"
    assert [float(row.rsplit(",", 1)[1]) for row in rows[1:]] == found["curves"][-1]["risk"]
    assert get(server, "/curves.png")[1].startswith(b"\x89PNG")
    assert b"<svg" in get(server, "/curves.svg")[1]
