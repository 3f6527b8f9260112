"""The skeletons of CONTRIBUTING.md run as they stand."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "CONTRIBUTING.md"


def test_every_python_block_runs_in_order():
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    namespace = {"__name__": "contributing"}
    for block in blocks:
        line = text[: text.index(block)].count("\n")
        exec(compile("\n" * line + block, str(PAGE), "exec"), namespace)
