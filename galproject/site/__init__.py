"""What a web server needs: its processes and limits, what comes in, and who may ask for what."""
