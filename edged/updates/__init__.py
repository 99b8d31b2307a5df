"""Model updates: what is trusted, what is kept on disk, and what happens in which order. Rules here do no I/O; `files` and `store` do."""
