"""The page of `solvable explore` in a real browser: dragged, by keyboard, narrow, dark; its numbers are `solve`'s."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

import solvable as sv

api = pytest.importorskip("playwright.sync_api", reason="needs playwright: python -m pip install -e '.[browser]'")
pytest.importorskip("bokeh", reason="needs the extra `explore`: python -m pip install -e '.[browser]'")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs a browser: apt-get install chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
LIMIT = 120_000  # milliseconds: the first curves are compiled


@pytest.fixture(scope="module")
def address():
    """Where the command, in a process of its own, serves the page."""
    words = [sys.executable, "-m", "solvable", "explore", "--port", "0", "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().split()[4]
        process.terminate()


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def load(browser, address):
    """A function that loads the page, at a permalink; afterwards nothing may have been complained about."""
    complaints, contexts = [], []

    def loaded(link="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.on("response", lambda reply: reply.status >= 400 and complaints.append(reply.url))
        page.goto(address + link)
        page.wait_for_selector("body[data-updates]", timeout=LIMIT)
        return page

    yield loaded
    for context in contexts:
        context.close()
    assert complaints == []


def settle(page):
    """Wait until the curves are those of the controls."""
    page.wait_for_function("document.body.dataset.settled === 'yes'", timeout=LIMIT)


def shown(page):
    """{width: (learning rate, risk at the step)} as the table on the page has them, in full."""
    cells = "rows => rows.map(row => [...row.cells].map(cell => Number(cell.dataset.value)))"
    rows = page.eval_on_selector_all("#numbers tbody tr", cells)
    return {width: (rate, risk) for width, rate, risk in rows}


def control(page, name):
    return page.eval_on_selector(f"#{name}", "input => Number(input.value)")


def agree(page, step=4096, batch=4):
    """The numbers on the page are those of `solve` at the exponents that its controls show."""
    alpha, beta = control(page, "alpha"), control(page, "beta")
    exact = float(page.get_attribute("#plane .point", "aria-valuenow"))
    assert alpha == pytest.approx(exact, abs=0.0051)  # the slider has steps of 0.01
    beta = float(page.get_attribute("#plane .point", "aria-valuetext").rsplit(" ", 1)[1])
    for width, (rate, risk) in shown(page).items():
        model = sv.PowerLawRF(exact, beta, width, 4 * width)
        curve = sv.solve(model, sv.SGD(rate, batch_size=batch), sv.Recursion(), [0, step])
        np.testing.assert_allclose(risk, curve.risk[-1], rtol=1e-12)
        np.testing.assert_allclose(rate, 0.5 / model.trace(), rtol=1e-12)


def test_the_point_is_dragged_and_the_newest_wish_wins(load):
    page = load()
    settle(page)
    before, flights = shown(page), {"now": 0, "most": 0}

    def took_off(request):
        if "/theory?" in request.url:
            flights["now"] += 1
            flights["most"] = max(flights["most"], flights["now"])

    def landed(request):
        flights["now"] -= "/theory?" in request.url

    page.on("request", took_off)
    page.on("requestfinished", landed)
    box = page.locator("#plane .frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for k in range(40):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.01 * k), box["y"] + box["height"] * (0.5 - 0.008 * k))
    page.mouse.up()
    settle(page)
    assert flights["most"] == 1
    assert not page.text_content("#status").startswith("No answer")
    assert shown(page) != before
    assert float(page.get_attribute("#plane .point", "aria-valuenow")) == pytest.approx(0.89 * 1.5, abs=0.02)
    agree(page)


def test_the_keyboard_moves_the_point_and_the_sliders(load):
    page = load()
    page.focus("#plane .point")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    page.focus("#width")
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert page.get_attribute("#plane .point", "aria-valuetext") == "alpha 1.01, beta 0.8"
    assert sorted(shown(page)) == [32, 64, 128, 256, 512]
    agree(page)
    assert page.text_content("#code").count("1.01, 0.8, width") == 1


def test_a_permalink_brings_everything_back(load):
    link = "#alpha=0.4&beta=0.3&width=64&batch=8&rate=0.3&momentum=0&noise=0.05&samples=0&step=1024&axis=steps"
    page = load(link)
    settle(page)
    assert "alpha 0.4, beta 0.3" in page.get_attribute("#plane .point", "aria-valuetext")
    assert [control(page, name) for name in ("width", "batch", "step")] == [6, 3, 10]
    assert page.is_checked("[name=axis][value=steps]")
    page.wait_for_function("location.hash.length > 20", timeout=LIMIT)
    assert dict(x.split("=") for x in page.evaluate("location.hash")[1:].split("&")) == dict(
        x.split("=") for x in link[1:].split("&")
    )
    page = load("#alpha=zzz&width=1e9&beta=<b>")  # junk is left out
    assert page.get_attribute("#plane .point", "aria-valuetext") == "alpha 1, beta 0.7"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_holds_everything_in_light_and_dark(load, scheme, tmp_path):
    page = load(viewport={"width": 380, "height": 800}, color_scheme=scheme)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    for name in ("#plane", "#risk", "#slopes", "#words", "#code"):
        box = page.locator(name).bounding_box()
        assert box["width"] > 200, name
        assert box["height"] > 20, name
    channels = page.evaluate("getComputedStyle(document.body).backgroundColor").strip("rgb()").split(",")
    assert (sum(map(int, channels)) < 3 * 128) == (scheme == "dark")


@pytest.mark.slow
def test_simulated_runs_and_the_frontier_come_in_behind(load):
    page = load("#width=32")
    page.wait_for_function("document.querySelector('#status').textContent.startsWith('Done')", timeout=2 * LIMIT)
    assert "48 runs" in page.text_content("#status")
    assert "best over all widths" in page.text_content("#legend")
