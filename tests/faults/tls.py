"""The exchange behind TLS: a front on 127.0.0.1 that can show a certificate which nobody trusts."""

import asyncio
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = "127.0.0.1"
CHUNK_BYTES = 65_536


class Front:
    """Carries bytes between TLS and the exchange; `refused` counts handshakes that ended before they were done."""

    def __init__(self, folder: Path, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._good, self._bad = _certificate(folder / "good.pem"), _certificate(folder / "bad.pem")
        self.trusted = self._good
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show_what_is_trusted()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._is_open, self._over = threading.Event(), asyncio.Event()
        self.refused = 0
        self.url = ""

    def show_what_is_trusted(self) -> None:
        """Whoever connects from now on is shown the certificate that it trusts."""
        self._context.load_cert_chain(self._good)

    def show_a_stranger(self) -> None:
        """Whoever connects from now on is shown a certificate that it cannot trust."""
        self._context.load_cert_chain(self._bad)

    def run(self) -> None:
        """Serve until told to end."""
        self._loop.run_until_complete(self._serve())

    def opened(self) -> None:
        """Wait until there is an address."""
        assert self._is_open.wait(10)

    def end(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self) -> None:
        async with await asyncio.start_server(self._carry, HERE, 0) as server:
            self.url = f"https://{HERE}:{server.sockets[0].getsockname()[1]}"
            self._is_open.set()
            await self._over.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.start_tls(self._context)
        except (OSError, ssl.SSLError):
            self.refused += 1
            return
        inner_reader, inner_writer = await asyncio.open_connection(*self._target)
        with suppress(OSError, ssl.SSLError):
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@contextmanager
def front_of(target: str, folder: Path) -> Iterator[Front]:
    """A front before this address, taken down at the end."""
    front = Front(folder, target)
    thread = threading.Thread(target=front.run, daemon=True)
    thread.start()
    front.opened()
    try:
        yield front
    finally:
        front.end()
        thread.join(10)


def _certificate(path: Path) -> Path:
    """A key and a certificate signed with it, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, path.stem)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HERE))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    words = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(words + made.public_bytes(serialization.Encoding.PEM))
    return path
