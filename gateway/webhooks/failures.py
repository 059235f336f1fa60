"""Why a POST was not taken, in words for the account: without the URL, and without anything that the peer sent."""

import os
import ssl
from http import HTTPStatus

import trio


def error_of(status: int) -> str | None:
    """What a status says against the POST; None when it was taken."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"answered {status}; redirects are not followed, so the URL has to be the final one"
    try:
        return f"answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"answered {status}"


def tls_reason(error: trio.BrokenResourceError) -> str:
    """Why a handshake failed."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return str(cause.reason).replace("_", " ").lower()
    return "the connection was closed"


def in_words(error: OSError) -> str:
    """Why there is no connection."""
    # The message that Trio gives names the address, which is nobody's business but the operator's.
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def internal_error(error: Exception) -> str:
    """A fault of ours, by its kind alone."""
    return f"internal error ({type(error).__name__})"
