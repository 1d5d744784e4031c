// Tests of the metrics.
