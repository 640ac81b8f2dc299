"""What a web server needs: its processes, their limits, and what it takes of requests."""
