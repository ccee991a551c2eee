"""Receiver checks: what is sent, what a correct receiver answers, and why; each is data and one small builder."""
