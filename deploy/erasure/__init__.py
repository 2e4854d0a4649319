"""What goes with a case when its time is over: one manifest, and its carrying out."""
