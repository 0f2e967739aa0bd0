"""A small working part for the demo's tests: listens where it is told and announces itself as the real one does.

`python -m tests.bot.demo.standin platform|slack --port P --home H`, or `bot` with HEALTH_PORT in the environment. Every
page answers what the part was given as environment. Only the standard library: it starts in a tenth of a second.
"""

import argparse
import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Part(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--port", type=int, default=int(os.environ.get("HEALTH_PORT", "0")))
    parser.add_argument("--home")
    given = parser.parse_args()
    with HTTPServer(("127.0.0.1", given.port), Part) as server:
        print(f"{given.name} ready http://127.0.0.1:{given.port}", flush=True)  # noqa: T201 - its supervisor waits for it
        server.serve_forever()


if __name__ == "__main__":
    main()
