"""The configuration: all settings (`settings`), and the steps from a file to values (`load`)."""
