"""The intruder: asks for what nobody has allowed it to have, and says what it gets."""

import time
from urllib.error import HTTPError
from urllib.request import urlopen  # goes through $HTTP_PROXY, the sidecar

while True:
    for url in ("http://catalog/items", "http://orders/orders"):
        try:
            with urlopen(url, timeout=5) as answer:
                print(f"{url} gave me {answer.read().decode()}", flush=True)
        except HTTPError as error:
            print(f"{url} says {error.code}: {error.read().decode().strip()}", flush=True)
        except OSError as error:
            print(f"{url} does not answer: {error}", flush=True)
        time.sleep(1)
