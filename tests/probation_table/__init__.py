"""The error rates of a trial's rules, by simulation: the real rules, and evidence drawn from what was measured under load."""
