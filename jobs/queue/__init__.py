"""What is due: the engine that carries work, and the lease under which it is done."""
