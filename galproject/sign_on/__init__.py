"""Sign-on by a provider of OpenID Connect, as a setting."""
