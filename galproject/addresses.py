"""Where a request comes from, as far as that can be trusted."""

from django.conf import settings


def client_address(request) -> str:
    """The address of a visitor: the peer's, or what the outermost proxy of one's own wrote down.

    Each proxy appends whom it was asked by. Addresses further left were written by the visitor,
    and may be anything.
    """
    if not settings.N_PROXIES:
        return request.META.get("REMOTE_ADDR", "")
    written = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    addresses = [word.strip() for word in written if word.strip()]
    if len(addresses) < settings.N_PROXIES:
        return request.META.get("REMOTE_ADDR", "")
    return addresses[-settings.N_PROXIES]
