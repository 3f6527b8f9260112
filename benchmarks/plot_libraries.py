"""How fast plot libraries redraw the page of `solvable explore`: eight curves of 40 points on logarithmic axes.

`python benchmarks/plot_libraries.py` prints, for each library whose Python package is installed (bokeh, plotly,
uplot-python), the milliseconds between two redrawn frames and the processor time of the page a redraw. It needs
playwright and a browser: `python -m pip install -e ".[browser]" plotly uplot-python`, `apt-get install chromium`.
"""

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
REDRAWS = 100
COMMON = """
const steps = []; for (let k = 0; k < 20; k++) steps.push(2 ** k, 3 * 2 ** (k - 1)); steps.sort((a, b) => a - b);
const curves = (i) => [...Array(8).keys()].map((c) => steps.map((s) => 0.01 + Math.pow(s, -0.3 - 0.002 * i) * (1 + c)));
const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
async function measure(update) {
  for (let i = 0; i < 5; i++) { await update(curves(i)); await frame(); }
  performance.mark("start"); const start = performance.now();
  for (let i = 0; i < REDRAWS; i++) { await update(curves(i)); await frame(); }
  window.found = (performance.now() - start) / REDRAWS;
}
""".replace("REDRAWS", str(REDRAWS))
PLOTLY = """
const data = (c) => c.map((y) => ({ x: steps, y, mode: "lines" }));
const layout = { xaxis: { type: "log" }, yaxis: { type: "log" }, width: 700, height: 450 };
Plotly.newPlot("p", data(curves(0)), layout).then(() => measure((c) => Plotly.react("p", data(c), layout)));
"""
BOKEH = """
const figure = Bokeh.Plotting.figure({ width: 700, height: 450, x_axis_type: "log", y_axis_type: "log", tools: [] });
const sources = curves(0).map((y) => new Bokeh.ColumnDataSource({ data: { x: steps, y } }));
sources.forEach((source) => figure.line({ field: "x" }, { field: "y" }, { source }));
const redraw = async (c) => c.forEach((y, i) => (sources[i].data = { x: steps, y }));
Bokeh.Plotting.show(figure, document.getElementById("p")).then(() => measure(redraw));
"""
UPLOT = """
const scales = { x: { time: false, distr: 3 }, y: { distr: 3 } };
const series = [{}, ...curves(0).map(() => ({ stroke: "red" }))];
const options = { width: 700, height: 450, scales, series };
const plot = new uPlot(options, [steps, ...curves(0)], document.getElementById("p"));
measure(async (c) => plot.setData([steps, ...c]));
"""
LIBRARIES = {
    "plotly": ("plotly", ["package_data/plotly.min.js"], PLOTLY),
    "bokeh": ("bokeh", ["server/static/js/bokeh.min.js", "server/static/js/bokeh-api.min.js"], BOKEH),
    "uplot-python": ("uplot", ["static/uPlot.iife.js"], UPLOT),
}


def main() -> None:
    """Measure every library that is installed, each in a page of its own."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name, (package, scripts, body) in LIBRARIES.items():
            spec = find_spec(package)
            if spec is None:
                print(f"{name:<14} not installed")
                continue
            texts = [(Path(spec.origin).parent / script).read_text(encoding="utf-8") for script in scripts]
            file = Path(folder) / f"{name}.html"
            parts = "".join(f"<script>{text}</script>" for text in [*texts, COMMON, body])
            file.write_text(f'<meta charset="utf-8"><div id="p"></div>{parts}', encoding="utf-8")
            page = browser.new_page()
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.goto(file.as_uri())
            page.wait_for_function("window.found", timeout=120_000)
            used = {x["name"]: x["value"] for x in session.send("Performance.getMetrics")["metrics"]}
            size = sum(len(text) for text in texts) / 1e6
            spent = 1e3 * used["TaskDuration"] / (REDRAWS + 5)
            frame = page.evaluate("window.found")
            print(f"{name:<14} {size:.2f} MB  {frame:6.1f} ms a frame  {spent:6.1f} ms of a core")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
