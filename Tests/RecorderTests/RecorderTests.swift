// Tests of the recorder.
