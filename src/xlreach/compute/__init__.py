"""What the machine does: precision, threads, parallel batches, several processes, memory. Knows no model of ours."""
