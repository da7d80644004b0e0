"""Webhooks: events taken to the addresses that participants have registered, signed, until they answer.

A room of its own between the ledger, which writes events and knows nothing of HTTP, and the API, by which
endpoints are registered: deliveries go on beside the servers, in the process that runs the schedule.
"""
