"""Drafts of entries for VSX and TNS, which a person checks and sends."""
