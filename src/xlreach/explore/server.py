"""The explorer's HTTP server: three files and two JSON answers, for this machine alone.

Bound to the loopback address. Refuses what another page in the same browser could send: a `Host` of another server (DNS
rebinding), an `Origin` of another page, a body that is not JSON. The page runs no code but its own file, and shows
whatever comes from data as text.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from xlreach import __version__
from xlreach.errors import XLReachError
from xlreach.explore.explorer import Explorer, RequestError
from xlreach.safe_io import parse_json

_ADDRESS = "127.0.0.1"
_MOST_BYTES = 256 * 1024
_SECONDS = 15.0
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ExplorerServer(ThreadingHTTPServer):
    """Serves one explorer; port 0 takes a free one.

    Raises:
        XLReachError: The port is taken or not allowed.
    """

    daemon_threads = True

    def __init__(self, explorer: Explorer, port: int = 0) -> None:
        self.explorer = explorer
        try:
            super().__init__((_ADDRESS, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise XLReachError(f"Port {port} cannot be used ({reason}).", fix="Name another with --port.") from error
        self.hosts = {f"{name}:{self.server_port}" for name in (_ADDRESS, "localhost")}

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        return f"http://{_ADDRESS}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: ExplorerServer
    server_version, sys_version = f"xlreach/{__version__}", ""
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS

    def do_GET(self) -> None:
        if not self._is_for_us():
            return None
        path = urlsplit(self.path).path
        if path == "/about.json":
            return self._json(self.server.explorer.about())
        if path not in _FILES:
            return self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")
        name, kind = _FILES[path]
        return self._send(HTTPStatus.OK, kind, resources.files("xlreach.explore").joinpath(name).read_bytes())

    def do_POST(self) -> None:
        if not self._is_for_us():
            return None
        if urlsplit(self.path).path != "/ask":
            return self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")
        if self.headers.get_content_type() != "application/json":
            return self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Expected JSON.")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            return self._refuse(HTTPStatus.LENGTH_REQUIRED, "Expected a Content-Length.")
        if len(length) > 12 or int(length) > _MOST_BYTES:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large.")
        try:
            request = parse_json(self.rfile.read(int(length)).decode("utf-8"))
        except (UnicodeDecodeError, XLReachError):
            return self._refuse(HTTPStatus.BAD_REQUEST, "Not JSON.")
        if not isinstance(request, dict):
            return self._refuse(HTTPStatus.BAD_REQUEST, "Expected a JSON object.")
        try:
            return self._json(self.server.explorer.ask(request))
        except RequestError as error:
            return self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except XLReachError as error:
            return self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _is_for_us(self) -> bool:
        """Whether the request was meant for this server, and no other page sent it."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if host not in self.server.hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "This server answers to its own address only.")
            return False
        if origin is not None and origin not in {f"http://{host}" for host in self.server.hosts}:
            self._refuse(HTTPStatus.FORBIDDEN, "Only its own page may ask.")
            return False
        return True

    def _json(self, content: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, "application/json", json.dumps(content, ensure_ascii=True).encode("ascii"))

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True  # else an unread body would be taken for the next request
        self._json({"error": why}, status)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **_HEADERS}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: queries are private."""
