"""What went wrong with a connection, in words that an operator can act on. When it is an end is bind.py's to say."""

import ssl

import trio

_REMEDIES = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the carrier asks for a client certificate; set tls.certificate_file",
    "TLSV1_ALERT_UNKNOWN_CA": "the carrier does not trust our client certificate; ask it which authority it takes",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the carrier refuses our client certificate; ask it which one it takes",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "our client certificate has expired; renew tls.certificate_file",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the carrier refuses the handshake; it may ask for a client certificate "
    "(tls.certificate_file) or take other ciphers",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the carrier speaks no TLS as new as tls.min_version, or none as old as ours",
    "UNSUPPORTED_PROTOCOL": "the carrier speaks no TLS as new as tls.min_version; ask it for a newer one",
    "WRONG_VERSION_NUMBER": "the carrier does not speak TLS on this port; ask for its TLS port, or take tls out",
    "RECORD_LAYER_FAILURE": "the carrier does not speak TLS on this port; ask for its TLS port, or take tls out",
}
# X509_V_ERR_* of OpenSSL: expired, not yet valid, self-signed, an authority that is not there, another name or address.
_EXPIRED, _NOT_YET_VALID, _HOSTNAME_MISMATCH, _IP_MISMATCH = 10, 9, 62, 64
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})


def words_of(error: OSError | trio.BrokenResourceError | trio.ClosedResourceError) -> str:
    """What the system said, where Trio only says that the stream broke; for TLS also what to do about it."""
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLError):
        return _tls_words(cause)
    return str(cause) or type(cause).__name__


def is_bare_end(error: OSError | trio.BrokenResourceError) -> bool:
    """Whether the peer just closed instead of saying so by TLS. SMPP's lengths tell where a PDU ends; many peers do."""
    return isinstance(error.__cause__, ssl.SSLEOFError)


def _tls_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {_certificate_words(error)}"
    if isinstance(error, ssl.SSLEOFError):
        return (
            "TLS: the carrier closed during the handshake; it may speak no TLS on this port, none as new as "
            "tls.min_version, or ask for a client certificate (tls.certificate_file)"
        )
    remedy = _REMEDIES.get(error.reason or "")
    return f"TLS: {remedy} ({error.reason})" if remedy else f"TLS: {error.reason or error}"


def _certificate_words(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _UNTRUSTED:
        return (
            f"the carrier's certificate is of no trusted authority ({error.verify_message}); set tls.ca_file to the "
            "authority that the carrier names"
        )
    if error.verify_code in (_HOSTNAME_MISMATCH, _IP_MISMATCH):
        return (
            f"the carrier's certificate is for another name ({error.verify_message}); connect by the name in it, or "
            "set tls.server_name to that name"
        )
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        return f"the carrier's certificate is not valid now ({error.verify_message}); look at our clock, then tell it"
    return f"the carrier's certificate is refused: {error.verify_message}"
