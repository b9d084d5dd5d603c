"""Receivers of messages on this machine: a webhook and a mail server that keep what they get."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer


@contextmanager
def webhook(*answers: int, delay: float = 0, location: str = "") -> Iterator[ThreadingHTTPServer]:
    """Answer POSTs with these statuses in turn, then with 200; `server.got` is what was posted, `server.url` where."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
            time.sleep(delay)
            self.send_response(statuses.pop(0) if statuses else 200)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def do_GET(self):
            self.server.got.append((self.path, "GET", None))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    statuses = list(answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.got = []
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    with _serving(server):
        yield server


class MailHandler(StreamRequestHandler):
    """One connection of a client that sends mail; what comes over TLS is decided by the server's `tls`."""

    def setup(self):
        if self.server.tls == "at once":
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.is_secret = self.server.tls == "at once"
        self.login, self.to = None, []
        super().setup()

    def handle(self):
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.lower().split(" ")[0].split(":")[0]
            getattr(self, f"do_{verb}", self.agree)(line)
            if verb == "quit":
                return

    def agree(self, _):
        self.say("250 ok")

    def do_ehlo(self, _):
        self.say("250-here", *(["250-STARTTLS"] if self.server.tls == "on demand" else []), "250 AUTH PLAIN")

    def do_starttls(self, _):
        self.say("220 go")
        self.rfile.close()
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        self.is_secret = True

    def do_auth(self, line):
        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        self.login = (user, password, self.is_secret)
        self.say("235 ok" if password != "wrong" else "535 no such user")

    def do_rcpt(self, line):
        self.to.append(line.partition(":")[2].strip("<>"))
        self.say("250 ok")

    def do_data(self, _):
        self.say("354 go")
        lines = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), ".")
        self.server.got.append((self.login, self.to, "\n".join(lines)))
        self.say("250 taken")

    def do_quit(self, _):
        self.say("221 bye")

    def finish(self):
        super().finish()
        self.request.close()  # of a wrapped one the server knows the empty shell only

    def say(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def mail_server(tls: str = "", context: ssl.SSLContext | None = None) -> Iterator[ThreadingTCPServer]:
    """Take mails; `server.got` is (login, receivers, text) of each. TLS is spoken "at once", "on demand", or not."""
    server = ThreadingTCPServer(("127.0.0.1", 0), MailHandler)
    server.daemon_threads = True
    server.got, server.tls, server.context = [], tls, context
    server.handle_error = lambda *_: None  # a client that does not trust us hangs up
    with _serving(server):
        yield server


@contextmanager
def _serving(server) -> Iterator[None]:
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(folder):
    """Make a certificate for 127.0.0.1 that signs itself; return the server's context and the file to trust."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted = folder / "trusted.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "key.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
