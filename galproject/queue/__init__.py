"""The queue: jobs, messages, schedules and workers on any number of hosts."""
