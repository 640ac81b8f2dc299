"""Invitations: accounts that begin with a link for one use."""
