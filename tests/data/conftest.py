"""Real data beside the repository, a small CIFAR-10 of our own, and a small web server."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from tests.data.served import Server
from tests.data.small_cifar import RECORDS, SmallCifar

from landscope.data import cifar10


@pytest.fixture
def real_data(pytestconfig: pytest.Config) -> Path:
    """Complete data sets, where the machine has them beside the repository."""
    folder = pytestconfig.rootpath.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no complete data sets in ../shared/data, beside the repository")
    return folder


@pytest.fixture
def small_cifar(monkeypatch: pytest.MonkeyPatch) -> SmallCifar:
    random = torch.Generator().manual_seed(1)
    files: dict[str, bytes] = {}
    for position, name in enumerate(cifar10.MD5):
        records = torch.randint(256, (RECORDS, 3073), generator=random, dtype=torch.uint8)
        records[:, 0] = (torch.arange(RECORDS) + position * RECORDS) % 10
        files[name] = records.numpy().tobytes()
    monkeypatch.setattr(cifar10, "RECORDS", RECORDS)
    digests = {name: hashlib.md5(body).hexdigest() for name, body in files.items()}
    monkeypatch.setattr(cifar10, "MD5", digests)
    return SmallCifar(files)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            body = served.bodies.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(served.declared.get(self.path, len(body))))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        served = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield served
        http.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that is not there yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LANDSCOPE_CACHE", str(folder))
    return folder
