"""The shop's front: reads the catalog all the time, and orders something now and then."""

import itertools
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import urlopen  # goes through $HTTP_PROXY, the sidecar

ADDRESS = os.environ.get("HOST", ""), int(os.environ.get("PORT", "8080"))
page = "not open yet"


def call(url, body=None):
    """What `url` answers, as text; a POST if there is a body."""
    try:
        with urlopen(url, body, timeout=5) as answer:
            return answer.read().decode()
    except HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    except OSError as error:
        return f"no answer: {error}"


class Front(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(page.encode())


front = ThreadingHTTPServer(ADDRESS, Front)
threading.Thread(target=front.serve_forever, daemon=True).start()
time.sleep(1)  # the others are opening too
for turn in itertools.count():
    page = call("http://catalog/items")
    if turn % 5 == 0:
        print("catalog:", page, "- orders:", call("http://orders/orders", b"tea"), flush=True)
    time.sleep(0.1)
