"""Making a trained net smaller or faster, each way by itself, and the table that compares them."""
