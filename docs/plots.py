"""Run the blocks of docs/plots.md in order and save the figure of each into docs/images, or into the folder named."""

import re
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

PAGE = Path(__file__).resolve().with_suffix(".md")


def main(folder: Path) -> None:
    """Every block that an image follows leaves its last figure under that image's name."""
    names: dict = {}
    parts = re.findall(r"^```python\n(.*?)^```$(?:\n\n!\[[^\]]*\]\(images/([^)]*)\))?", PAGE.read_text(), re.M | re.S)
    with tempfile.TemporaryDirectory() as elsewhere, chdir(elsewhere):
        for block, image in parts:
            exec(compile(block, str(PAGE), "exec"), names)
            if image:
                pyplot.gcf().savefig(folder / image, dpi=110)
                pyplot.close("all")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PAGE.parent / "images")
