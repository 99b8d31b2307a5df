"""The vision workers, and the supervisor's side of them."""
