import functools
import hashlib
import http.server
import socket
import threading

import pytest
import torchvision.datasets.utils

from erde.datasets.download import Published, present_or_downloaded
from erde.datasets.images import DatasetError


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Two published files, on a server of this machine."""
    folder = tmp_path / "server"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "*")
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()

        def publish(name):
            content = name.encode() * 1000
            (folder / name).write_bytes(content)
            url = f"http://127.0.0.1:{httpd.server_port}/{name}"
            return Published(url, name, hashlib.md5(content).hexdigest())

        yield [publish("a.bin"), publish("b.bin")]
        httpd.shutdown()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data" / "deeper"


def refused(files, root):
    with pytest.raises(DatasetError) as caught:
        present_or_downloaded(files, root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_files_are_downloaded_once(server, root, monkeypatch):
    paths = present_or_downloaded(server, root)
    assert [path.read_bytes() for path in paths] == [b"a.bin" * 1000, b"b.bin" * 1000]
    assert sorted(entry.name for entry in root.iterdir()) == ["a.bin", "b.bin"]
    monkeypatch.setattr(torchvision.datasets.utils, "download_url", None)
    assert present_or_downloaded(server, root) == paths


def test_only_what_is_missing_is_downloaded(server, root):
    root.mkdir(parents=True)
    (root / "a.bin").write_bytes(b"a.bin" * 1000)
    stamp = (root / "a.bin").stat().st_mtime_ns
    present_or_downloaded(server, root)
    assert (root / "a.bin").stat().st_mtime_ns == stamp
    assert (root / "b.bin").exists()


def test_a_wrong_checksum_is_named_and_the_file_left(server, root):
    root.mkdir(parents=True)
    (root / "b.bin").write_bytes(b"something else")
    message = refused(server, root)
    assert str(root / "b.bin") in message
    assert f"must have MD5 {server[1].md5}" in message
    assert hashlib.md5(b"something else").hexdigest() in message
    assert (root / "b.bin").read_bytes() == b"something else"
    assert not (root / "a.bin").exists()


def test_without_network_all_missing_files_are_named(root):
    files = [
        Published(f"http://host.invalid/{n}", n, md5)
        for n, md5 in (("a", "1" * 32), ("b", "2" * 32))
    ]
    message = refused(files, root)
    for expected in ("a and b must be in the folder", str(root), *(f.url for f in files)):
        assert expected in message
    assert files[0].md5 in message
    assert files[1].md5 in message
    assert not list(root.iterdir())


def test_a_download_with_another_checksum_is_not_kept(server, root):
    message = refused([server[0]._replace(md5="0" * 32)], root)
    assert "a.bin must be in the folder" in message
    assert "0" * 32 in message
    assert not list(root.iterdir())


def test_a_file_the_server_does_not_have(server, root):
    missing = server[0]._replace(url=server[0].url + "x")
    assert "the download failed (HTTP Error 404" in refused([missing], root)


def test_an_interrupted_download_leaves_nothing(server, root, monkeypatch):
    def interrupted(_url, folder, filename, _md5):
        with open(f"{folder}/{filename}", "wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torchvision.datasets.utils, "download_url", interrupted)
    with pytest.raises(KeyboardInterrupt):
        present_or_downloaded(server, root)
    assert not list(root.iterdir())


def test_a_server_that_stops_answering_is_given_up(server, root, monkeypatch):
    timeouts = []
    original = torchvision.datasets.utils.download_url

    def spy(*args):
        timeouts.append(socket.getdefaulttimeout())
        original(*args)

    monkeypatch.setattr(torchvision.datasets.utils, "download_url", spy)
    present_or_downloaded(server[:1], root)
    assert timeouts == [30.0]
    assert socket.getdefaulttimeout() is None
