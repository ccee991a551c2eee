"""A stand-in for the ngrok agent, and how tests run it."""
