"""A real editing service on loopback for tests of the editor kind ``http``: one process, a behaviour a path.

``python tests/service.py LOG [--certificate PEM --key PEM]`` prints its port and serves until its input ends. Each
request is a JSON line of LOG: the path, headers and texts, and the names and kinds of the files.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import ssl
import struct
import sys
import threading
import time
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

Form = dict[str, tuple[str, str, bytes]]
"""Field -> file name, content type, content."""


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "PNG")
    return stream.getvalue()


def mosaic(image: np.ndarray, blocks: int = 2) -> np.ndarray:
    """Large squares of mean colour: of a face nothing is left but its tone."""
    small = Image.fromarray(image).resize((blocks, blocks), Image.Resampling.BOX)
    return np.asarray(small.resize(image.shape[1::-1], Image.Resampling.NEAREST))


class Service(BaseHTTPRequestHandler):
    """Behaviours by path; ``tried`` counts the tries of each case."""

    protocol_version = "HTTP/1.1"
    tried: ClassVar[dict[str, int]] = {}
    log_path = Path()
    lock = threading.Lock()

    def log_message(self, *words: Any) -> None:
        """Standard error stays empty."""

    def do_POST(self) -> None:
        form = self._form()
        self.image = next((data for _, kind, data in form.values() if kind.startswith(("image/", "audio/"))), b"")
        self.texts = {name: data.decode() for name, (file, _, data) in form.items() if not file}
        with self.lock:
            key = self.path + self.texts.get("case_id", "")
            self.number = self.tried[key] = self.tried.get(key, -1) + 1
            self._note(form)
        getattr(self, "on_" + self.path.partition("?")[0].strip("/").replace("-", "_"))()

    def _form(self) -> Form:
        body = self.rfile.read(int(self.headers["content-length"]))
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        parts = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
        return {
            str(part.get_param("name", header="content-disposition")): (
                part.get_filename() or "",
                part.get_content_type(),
                part.get_payload(decode=True),
            )
            for part in parts
        }

    def _note(self, form: Form) -> None:
        files = {name: [file, kind] for name, (file, kind, _) in form.items() if file}
        line = {
            "path": self.path,
            "headers": dict(self.headers),
            "texts": self.texts,
            "files": files,
            "at": time.time(),
        }
        with self.log_path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    def answer(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def say(self, status: int, **value: Any) -> None:
        self.answer(status, "application/json", json.dumps(value).encode())

    def on_flip(self, **headers: str) -> None:
        self.answer(200, "image/png", png(picture(self.image)[:, ::-1]), **headers)

    def on_mosaic(self) -> None:
        self.answer(200, "image/png", png(mosaic(picture(self.image))))

    def on_leak(self) -> None:
        self.answer(200, "image/png", self.image)

    def on_sound(self) -> None:
        self.answer(200, "audio/x-wav", self.image[:-2] + struct.pack("<h", 5))

    def on_refuse(self) -> None:
        self.say(403, refused=f"no consent \u2028 of {self.headers.get('authorization')} {self.texts.get('consent')}")

    def on_refuse_451(self) -> None:
        self.say(451, refused="not here")

    def on_forbidden(self) -> None:
        self.answer(403, "text/html", b"<h1>Forbidden</h1>")

    def on_unprocessable(self) -> None:
        self.say(422, detail=[{"loc": ["body", "host"], "msg": "field required"}])

    def on_refuse_empty(self) -> None:
        self.say(403, refused="  ")

    def on_unauthorised(self) -> None:
        self.say(401, detail="who are you")

    def on_absent(self) -> None:
        self.say(404, detail="no such model")

    def on_broken(self) -> None:
        self.say(500, detail="boom")

    def on_busy_once(self) -> None:
        if self.number == 0:
            self.answer(429, "text/plain", b"later", retry_after="1")
        else:
            self.on_flip()

    def on_down_once(self) -> None:
        if self.number == 0:
            self.answer(503, "text/plain", b"")
        else:
            self.on_flip()

    def on_down(self) -> None:
        self.answer(503, "text/plain", b"")

    def on_busy_for_long(self) -> None:
        self.answer(429, "text/plain", b"", retry_after="86400")

    def on_dropped_once(self) -> None:
        if self.number == 0:
            self.close_connection = True
        else:
            self.on_flip()

    def on_redirect(self) -> None:
        self.answer(307, "text/plain", b"", location="http://localhost:1/elsewhere?token=abc")

    def on_big(self) -> None:
        self.answer(200, "image/png", b"\0" * (3 << 20))

    def on_endless(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "image/png")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"10000\r\n" + b"\0" * 0x10000 + b"\r\n")
        except OSError:
            self.close_connection = True

    def on_bomb(self) -> None:
        self.answer(200, "image/png", gzip.compress(b"\0" * (8 << 20)), content_encoding="gzip")

    def on_text(self) -> None:
        self.answer(200, "text/html; charset=utf-8", self.image)

    def on_untyped(self) -> None:
        self.answer(200, "", self.image)

    def on_json(self) -> None:
        self.say(200, refused="said with a status that is none of a refusal")

    def on_nothing(self) -> None:
        self.send_response(204)
        self.end_headers()

    def on_truncated(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "image/png")
        self.send_header("content-length", str(len(self.image)))
        self.end_headers()
        self.wfile.write(self.image[: len(self.image) // 2])
        self.close_connection = True

    def on_garbage(self) -> None:
        self.answer(200, "image/png", b"\x89PNG\r\n\x1a\n" + b"garbage" * 50)

    def on_no_http(self) -> None:
        self.wfile.write(b"SSH-2.0-none\r\n")
        self.close_connection = True

    def on_hang(self) -> None:
        time.sleep(30)

    def on_drip(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "image/png")
        self.send_header("content-length", "1000000")
        self.end_headers()
        try:
            for _ in range(600):
                self.wfile.write(b"\x89")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def on_slow(self) -> None:
        time.sleep(0.3)
        self.on_flip()

    def on_cookie(self) -> None:
        self.on_flip(set_cookie="session=1; Path=/")

    def on_version(self) -> None:
        self.on_flip(x_model_version="2.4.0")

    def on_version_changes(self) -> None:
        is_old = self.texts.get("seed", "0")[-1] in "02468"
        self.on_flip(x_model_version="2.4.0" if is_old else "2.5.0")


def main(service: type[Service] = Service) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("log", type=Path)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    words = parser.parse_args()
    Service.log_path = words.log
    server = ThreadingHTTPServer(("127.0.0.1", 0), service)
    server.daemon_threads = True
    if words.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(words.certificate, words.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign] - who does not trust us hangs up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
