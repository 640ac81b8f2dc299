"""What a web server needs: its processes, their limits, and what it says where one is met."""
