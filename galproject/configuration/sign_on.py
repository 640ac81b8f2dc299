"""The settings of sign-on by OpenID Connect."""

from dataclasses import dataclass
from urllib.parse import urlsplit

NEEDED = {
    "issuer": "GALPROJECT_OIDC_ISSUER",
    "client_id": "GALPROJECT_OIDC_CLIENT_ID",
    "client_secret": "GALPROJECT_OIDC_CLIENT_SECRET",
}
THIS_HOST = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class SignOn:
    """A provider that people log in at, and what its claims mean here."""

    issuer: str = ""  # its address, as its discovery document has it
    client_id: str = ""
    client_secret: str = ""
    label: str = "your institute"  # what the button calls it
    scopes: str = "openid profile email"
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    groups: tuple[tuple[str, str], ...] = ()  # theirs, ours; without any, groups are given here
    makes_accounts: bool = False  # else it is only for accounts that are there

    @property
    def missing(self) -> list[str]:
        """The variables without which it can't be used, where another is set; else none."""
        lacking = [name for field, name in NEEDED.items() if not getattr(self, field)]
        return lacking if len(lacking) < len(NEEDED) else []

    @property
    def is_on(self) -> bool:
        return all(getattr(self, field) for field in NEEDED)

    @property
    def is_overheard(self) -> bool:
        """Whether what the provider says may be changed on its way."""
        address = urlsplit(self.issuer)
        return self.is_on and address.scheme != "https" and address.hostname not in THIS_HOST

    def our_groups(self, theirs) -> set[str]:
        """The names of our groups for those of the provider."""
        return {ours for name, ours in self.groups if name in theirs}


def sign_on_from(environment) -> SignOn:
    """The SignOn that the environment describes."""
    return SignOn(
        issuer=environment.oidc_issuer,
        client_id=environment.oidc_client_id,
        client_secret=environment.oidc_client_secret,
        label=environment.oidc_label,
        scopes=environment.oidc_scopes,
        name_claim=environment.oidc_name_claim,
        groups_claim=environment.oidc_groups_claim,
        groups=tuple(tuple(pair.split("=", 1)) for pair in environment.oidc_groups),
        makes_accounts=environment.oidc_makes_accounts,
    )
