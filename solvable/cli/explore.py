"""``solvable explore``: a local page to drag the model's parameters on."""

from dataclasses import dataclass

from solvable.cli.options import WrongUsage, parse

INSTALL = "python -m pip install 'solvable[explore]' (in a clone: python -m pip install -e '.[explore]')"
NEEDED = ("starlette", "uvicorn", "bokeh")


@dataclass(frozen=True)
class Page:
    """Where the page is served.

    Attributes:
        port: of 127.0.0.1; 0 takes a free one.
        browser: open the page in the browser.
    """

    port: int = 8765
    browser: bool = True


def command(arguments: list[str]) -> int:
    """Serve the page until interrupted."""
    about = "Serve a page on this computer where the model's parameters are dragged: theory at once, SGD behind."
    page, _ = parse(Page, arguments, program="solvable explore", about=about)
    if not 0 <= page.port < 2**16:
        raise WrongUsage(f"--port: wanted an integer from 0 to 65535; got {page.port}")
    try:
        from solvable.explore.server import serve
    except ImportError as error:
        if error.name not in NEEDED:
            raise
        raise WrongUsage(f"the page needs the package {error.name}: {INSTALL}") from None

    serve(page.port, browser=page.browser)
    return 0
