"""How many updates a second the page of `solvable explore` makes while its point is dragged in headless Chromium.

`python benchmarks/drag.py` prints updates a second over four seconds, and the processor time that server and browser
spend on one, which hardly depends on what else the machine does. It needs what `tests/test_explore_browser.py` needs.
"""

import math
import os
import shutil
import subprocess
import sys
import time

import psutil
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SECONDS = 4.0
UPDATES = "Number(document.body.dataset.updates)"
PLACES = {"a stream": "", "momentum 0.9": "#momentum=0.9&rate=0.05", "300 samples": "#samples=300&noise=0.1"}


def spent(processes: list[psutil.Process]) -> float:
    """Processor time in milliseconds."""
    return 1e3 * sum(sum(p.cpu_times()[:2]) for p in processes if p.is_running())


def drag(page, server: psutil.Process) -> str:
    """Move the point along an ellipse; what was measured, in words."""
    box = page.locator("#plane .frame").bounding_box()
    x, y = box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"]
    browser = [p for p in psutil.Process().children(True) if "chrom" in p.name()]
    page.mouse.move(x, y)
    page.mouse.down()
    before, ours, theirs, start, moves = page.evaluate(UPDATES), spent([server]), spent(browser), time.monotonic(), 0
    while time.monotonic() - start < SECONDS:
        moves += 1
        page.mouse.move(x + 60 * math.sin(moves / 60), y + 50 * math.cos(moves / 60))
        page.wait_for_timeout(8)
    lasted, count = time.monotonic() - start, page.evaluate(UPDATES) - before
    page.mouse.up()
    ours, theirs = spent([server]) - ours, spent(browser) - theirs
    each = f"{ours / count:.0f} server, {theirs / count:.0f} browser"
    return f"{count / lasted:5.1f} updates a second; a core's ms an update: {each}"


def main() -> None:
    """Serve the page and drag it in each of its three theories, twice."""
    words = [sys.executable, "-m", "solvable", "explore", "--port", "0", "--no-browser"]
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process, sync_playwright() as playwright:
        address, server = process.stdout.readline().split()[4], psutil.Process(process.pid)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name, link in PLACES.items():
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            # What comes in at rest is left out: it would still be computed while the drag begins.
            for rest in ("frontier", "simulation"):
                page.route(f"**/{rest}?*", lambda route: route.fulfill(json={"parts": 0}))
            page.goto(address + link)
            page.wait_for_selector("body[data-settled=yes]", timeout=180_000)
            for _ in range(2):
                print(f"{name:<14} {drag(page, server)}   (load {os.getloadavg()[0]:.0f})", flush=True)
            page.close()
        browser.close()
        process.terminate()


if __name__ == "__main__":
    main()
