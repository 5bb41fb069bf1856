"""Why a request is denied: the classes that answers, statistics and `explain` name."""

from enum import StrEnum


class Denial(StrEnum):
    """The reason class of a denial.

    From `SOURCE_NOT_LISTED` on in the order in which a TrafficTarget is read: of several that do
    not allow a request, the one that goes along with it furthest gives the reason.
    """

    BAD_REQUEST = "BadRequest"
    ESCAPED_SLASH = "EscapedSlash"
    NO_IDENTITY = "NoIdentity"
    NO_POLICY = "NoPolicy"
    SOURCE_NOT_LISTED = "SourceNotListed"
    PROTOCOL_NOT_GRANTED = "ProtocolNotGranted"
    PORT_NOT_GRANTED = "PortNotGranted"
    ROUTE_NOT_GRANTED = "RouteNotGranted"
