"""Making a model smaller or faster, and the table that says what that costs."""
