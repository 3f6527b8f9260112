"""The page's server: a fixed table of files, and answers to GET requests, on this computer alone.

Every address is relative, so that the page also works behind the proxy of a notebook server. A request that makes no
sense is answered by 400, 404 or 405 and a sentence; nothing is read from a path that a request names.
"""

import logging
import socket
import threading
import webbrowser
from importlib.resources import files
from pathlib import Path

import bokeh  # pyright: ignore[reportMissingImports]
import uvicorn  # pyright: ignore[reportMissingImports]
from starlette.applications import Starlette  # pyright: ignore[reportMissingImports]
from starlette.concurrency import run_in_threadpool  # pyright: ignore[reportMissingImports]
from starlette.requests import Request  # pyright: ignore[reportMissingImports]
from starlette.responses import JSONResponse, PlainTextResponse, Response  # pyright: ignore[reportMissingImports]
from starlette.routing import Route  # pyright: ignore[reportMissingImports]

from solvable.explore import answers
from solvable.explore.behind import PARTS, PER_BATCH, TOGETHER
from solvable.explore.download import DOWNLOADS
from solvable.explore.wish import Wish, read_wish

HOST = "127.0.0.1"
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
OWN = ("index.html", "page.css", "page.js", "plane.js", "charts.js")
SCRIPTS = ("bokeh.min.js", "bokeh-api.min.js")
LONGEST_QUERY = 500
PART = {"simulation": PARTS, "frontier": len(PER_BATCH) // TOGETHER}


def table_of_files() -> dict[str, tuple[bytes, str]]:
    """Address -> (content, type) of every file that is served; the plot library's script comes with its package."""
    page, library = files("solvable.explore") / "page", Path(str(bokeh.__file__)).parent / "server" / "static" / "js"
    content = {name: (page / name).read_bytes() for name in OWN}
    content |= {name: (library / name).read_bytes() for name in SCRIPTS}
    table = {f"/{name}": (data, TYPES[name.rpartition(".")[2]]) for name, data in content.items()}
    return {"/": table["/index.html"], **table}


def application() -> Starlette:
    """The application: files, theory, simulation, frontier, plane, and downloads."""
    routes = [Route(address, _file(*entry)) for address, entry in table_of_files().items()]
    routes += [Route("/plane", _plane), Route("/theory", _theory)]
    routes += [Route(f"/{name}", _part(name)) for name in PART]
    routes += [Route(f"/{name}", _download(name)) for name in DOWNLOADS]
    return Starlette(routes=routes, exception_handlers={ValueError: _refused})


def _file(content: bytes, kind: str):
    async def send(request: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return send


async def _plane(request: Request) -> Response:
    return JSONResponse(answers.plane())


async def _theory(request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(answers.theory, _wish(request)))


def _part(name: str):
    async def send(request: Request) -> Response:
        wish = _wish(request, besides="part")
        text = request.query_params.get("part", "0")
        if text not in map(str, range(PART[name])):
            raise ValueError(f"part: wanted an integer from 0 to {PART[name] - 1}; got {text[:40]!r}")
        return JSONResponse(await run_in_threadpool(getattr(answers, name), wish, int(text)))

    return send


def _download(name: str):
    async def send(request: Request) -> Response:
        content, kind = await run_in_threadpool(DOWNLOADS[name], _wish(request))
        headers = {"Content-Disposition": f"attachment; filename={name}"}
        return Response(content, media_type=kind, headers=headers)

    return send


def _wish(request: Request, besides: str = "") -> Wish:
    """The wish of a request.

    Raises:
        ValueError: it is none, or a name comes twice.
    """
    if len(request.url.query) > LONGEST_QUERY:
        raise ValueError(f"query: wanted at most {LONGEST_QUERY} characters; got {len(request.url.query)}")
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != besides]
    if len(dict(pairs)) != len(pairs):
        raise ValueError("query: wanted every name once; got one twice")
    return read_wish(dict(pairs))


async def _refused(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), status_code=400)


def serve(port: int, *, browser: bool) -> None:
    """Serve until interrupted; prints the address, with port 0 a free one.

    Raises:
        OSError: the port is taken.
    """
    with socket.create_server((HOST, port)) as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}/"
        print(f"The page is at {address} (Ctrl-C ends it). The first curves compile for up to a minute.", flush=True)
        threading.Thread(target=answers.theory, args=(Wish(),), daemon=True).start()
        if browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        settings = uvicorn.Config(
            application(), timeout_graceful_shutdown=1, log_level="critical", access_log=False, lifespan="off"
        )
        uvicorn.Server(settings).run(sockets=[listening])
