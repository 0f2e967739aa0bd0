"""Does more data pay? Jobs on growing parts of the training items, and what more of them would bring."""
