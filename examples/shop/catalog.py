"""The catalog: what the shop sells. Version v2 sells one thing more."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = os.environ.get("HOST", ""), int(os.environ.get("PORT", "8080"))
VERSION = os.environ.get("VERSION", "v1")
ITEMS = ["tea", "coffee"] if VERSION == "v1" else ["tea", "coffee", "cake"]


class Catalog(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/items" else 404)
        self.end_headers()
        self.wfile.write(f"{VERSION} has {', '.join(ITEMS)}".encode())

    def log_message(self, *_):
        """Say nothing of single requests: the mesh counts them."""


ThreadingHTTPServer(ADDRESS, Catalog).serve_forever()
