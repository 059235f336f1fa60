"""Whose fault it was.

ProtocolError
├── LocalProtocolError      we misused the protocol: a fault of the caller
│   ├── NotBound            the session's state or mode does not allow that request now
│   └── WindowFull          as many requests as the window holds wait for their answer
└── RemoteProtocolError     the peer broke it; caught inside the session, never raised out of it
    ├── BadFrame            the stream is out of step: the link cannot be saved
    └── BadPdu              one PDU is unusable; the next one is not
"""


class ProtocolError(Exception):
    """Someone broke the protocol."""


class LocalProtocolError(ProtocolError):
    """We asked for something that the protocol does not allow."""


class NotBound(LocalProtocolError):  # noqa: N818
    """The session is not bound in a way that allows this request."""


class WindowFull(LocalProtocolError):  # noqa: N818
    """The window has no free slot."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol does not allow."""


class BadFrame(RemoteProtocolError):  # noqa: N818
    """The command_length is impossible, so the next PDU's beginning cannot be found."""


class BadPdu(RemoteProtocolError):  # noqa: N818
    """The body cannot hold the PDU that its header names; `status` is the command_status to answer with."""

    def __init__(self, command_id: int, sequence: int, status: int, reason: str) -> None:
        super().__init__(reason)
        self.command_id = command_id
        self.sequence = sequence
        self.status = status
