"""The orders: takes them and counts them."""

import itertools
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = os.environ.get("HOST", ""), int(os.environ.get("PORT", "8080"))
numbers = itertools.count(1)


class Orders(BaseHTTPRequestHandler):
    def do_POST(self):
        item = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{item} is order {next(numbers)}".encode())

    def log_message(self, *_):
        """Say nothing of single requests: the mesh counts them."""


ThreadingHTTPServer(ADDRESS, Orders).serve_forever()
