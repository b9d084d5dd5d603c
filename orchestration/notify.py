"""A message when a run was held or has failed: a JSON document to a webhook, a mail, or both.

Addresses and passwords come from the environment and are shown nowhere. Whatever becomes of a message is a line of the
run's log and nothing else: it never changes how the run ended.
"""

import json
import smtplib
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from email.message import EmailMessage
from functools import partial
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from orchestration.errors import Difference
from orchestration.run_log import log
from orchestration.settings import Settings

# At most 3 * 10 + 1 + 4 seconds per channel: a run that has ended must not hang on a receiver that does not answer.
ATTEMPT_SECONDS = 10.0
PAUSES = (0.0, 1.0, 4.0)
SHOWN_DIFFERENCES = 5
SHOWN_CHARACTERS = 16_000  # chat programs cut or refuse longer ones
TRY_AGAIN_LATER = frozenset({408, 425, 429})
# Everything a receiver, a network or a certificate can do to us; a mistake of ours is not among them.
FAILURES = (OSError, HTTPException, smtplib.SMTPException, ValueError)


@dataclass(frozen=True)
class Message:
    """What happened to a run, for the people who look after it."""

    run: int
    as_of: date
    status: str
    text: str
    differences: Sequence[Difference] = ()

    @property
    def subject(self) -> str:
        """Return it in one line."""
        return f"Ratebook: run {self.run} of {self.as_of} {'is' if self.status == 'held' else 'has'} {self.status}"

    def document(self, settings: Settings) -> dict[str, object]:
        """Return it as the document that the webhook gets; `text` is what chat programs show."""
        return {
            "text": settings.redacted(f"{self.subject}\n{self.text}")[:SHOWN_CHARACTERS],
            "run": self.run,
            "as_of": self.as_of.isoformat(),
            "status": self.status,
            "failed_gates": len(self.differences),
            "gates": [
                {name: None if value is None else settings.redacted(value) for name, value in asdict(each).items()}
                for each in self.differences[:SHOWN_DIFFERENCES]
            ],
        }


def tell(settings: Settings, message: Message) -> None:
    """Send a message by every channel that is set, if its status is one to tell about; log what became of it."""
    if message.status not in settings.notify_on:
        return
    for channel, send in _channels(settings):
        _deliver(channel, partial(send, settings, message))


def try_channels(settings: Settings) -> dict[str, str | None]:
    """Send a test message by every channel that is set; return what went wrong with each, None if nothing did."""
    message = Message(0, date(2000, 1, 1), "test", "This is a test message of `ratebook doctor --test-message`.")
    return {channel: _deliver(channel, partial(send, settings, message)) for channel, send in _channels(settings)}


Send = Callable[[Settings, Message], None]


def _channels(settings: Settings) -> Iterator[tuple[str, Send]]:
    if settings.webhook_url is not None:
        yield "webhook", _post
    if settings.smtp_url is not None:
        yield "email", _mail


def _deliver(channel: str, send: Callable[[], None]) -> str | None:
    """Try until it is delivered or all attempts are used up; return what went wrong last, None if nothing did."""
    wrong = "it was not tried"
    for attempt, pause in enumerate(PAUSES, start=1):
        time.sleep(pause)
        try:
            _within(ATTEMPT_SECONDS, send)
        except FAILURES as error:
            wrong = f"{type(error).__name__}: {error}"
            log.warning("message not sent", extra={"channel": channel, "attempt": attempt, "error": wrong})
            if not _may_work_later(error):
                break
        else:
            log.info("message sent", extra={"channel": channel, "attempt": attempt})
            return None
    return wrong


def _may_work_later(error: Exception) -> bool:
    if isinstance(error, HTTPError):
        return error.code >= 500 or error.code in TRY_AGAIN_LATER
    return not isinstance(error, ValueError | smtplib.SMTPAuthenticationError)


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Do the work in a thread that is given up after so many seconds.

    The time-out of a socket counts from byte to byte and not at all while a name is looked up.
    """
    raised: list[Exception] = []

    def attempt() -> None:
        try:
            work()
        except FAILURES as error:
            raised.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if raised:
        raise raised[0]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Followed, a redirected POST would arrive as a GET without its body, and count as delivered."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow nothing."""


def _post(settings: Settings, message: Message) -> None:
    request = urllib.request.Request(
        _value(settings.webhook_url),
        data=json.dumps(message.document(settings)).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "ratebook"},
        method="POST",
    )
    try:
        # Any status of success will do; an answer says nothing to us.
        urllib.request.build_opener(_NoRedirects).open(request, timeout=ATTEMPT_SECONDS).close()
    except HTTPError as error:
        error.close()
        raise


def _mail(settings: Settings, message: Message) -> None:
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = settings.mail_from
    mail["To"] = settings.mail_to
    mail.set_content(settings.redacted(message.text))
    server = urlsplit(_value(settings.smtp_url))
    host, port = server.hostname or "", server.port
    context = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(host, port or 465, timeout=ATTEMPT_SECONDS, context=context)
        if server.scheme == "smtps"
        else smtplib.SMTP(host, port or 587, timeout=ATTEMPT_SECONDS)
    ) as connection:
        if server.scheme == "smtp":
            connection.starttls(context=context)
        if server.username:
            connection.login(unquote(server.username), unquote(server.password or ""))
        connection.send_message(mail)


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
