"""The processes that the supervisor starts, and the messages between them."""
