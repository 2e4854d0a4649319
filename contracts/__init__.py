"""What the services say to one another: events, workflow messages, reference data. Imports nothing of ours."""
