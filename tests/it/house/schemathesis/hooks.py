"""What schemathesis cannot know by itself."""

import schemathesis


@schemathesis.serializer("application/sdp")
def sdp(_context, value):
    """An offer is text, and no offer is text as well."""
    return value.encode() if isinstance(value, str) else str(value).encode()
