"""All SQL of the service, by aggregate. Callers open the transaction and say on whose behalf it runs."""
