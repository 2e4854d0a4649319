"""Referrals: units and jurisdictions, routing, cases, tasks and hand-overs; the officers' HTTP API."""
