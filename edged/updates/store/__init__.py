"""Holds what is durable: model versions, links and the ledger."""
