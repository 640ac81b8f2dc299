"""Chips processed by workers on any number of hosts: jobs, messages, schedules, lost workers."""
