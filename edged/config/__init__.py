"""The configuration: what can be set (`settings`), and how a file becomes values (`load`)."""
